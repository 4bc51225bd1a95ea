import { describe, expect, test } from "vitest";
import { metricsOf } from "../../../src/analysis/metrics.js";
import { judgeSchema } from "../../../src/config/schema/scorer.js";
import { headOf } from "../../../src/journal/event-head.js";
import type { EvaluatedEvent, StepEvent } from "../../../src/journal/events.js";
import { type ExperimentChanges, smallExperiment } from "../experiments.js";
import { Harness, type Trick } from "../run-harness.js";

/** Two components and two judges. */
const several = {
  reward: [{ name: "kind" }, { name: "weight", weight: 0.5 }],
  evaluation: {
    judges: [judgeSchema.parse({ name: "first" }), judgeSchema.parse({ name: "second" })],
    harm_threshold: 0,
  },
};

async function ran(changes: ExperimentChanges, trick?: Trick): Promise<Harness> {
  const harness = new Harness(
    smallExperiment({ sft: { steps: 0 }, parallel: 1, arms: { "ra-rlhf": {} }, ...changes }),
    trick,
  );
  expect(await harness.run()).toMatchObject({ outcome: "done" });
  return harness;
}

type Arrays = Extract<StepEvent["episodes"], { weight: number[] }>;

const finals = ({ events }: Harness): EvaluatedEvent[] =>
  events.filter((event): event is EvaluatedEvent => event.type === "evaluated" && event.final);

describe("with several reward components", () => {
  test("a step has the scores of each, and means that add up to the reward's", async () => {
    const harness = await ran(several);
    for (const step of harness.steps("ra-rlhf-s0")) {
      const { components, reward } = step.episodes as Arrays;
      expect(Object.keys(components!)).toEqual(["kind", "weight"]);
      expect(step.components).toMatchObject({ kind: { failed: 0 }, weight: { failed: 0 } });
      const { kind, weight } = step.components!;
      expect(kind!.mean + 0.5 * weight!.mean).toBeCloseTo(step.reward_mean, 5);
      for (const [at, whole] of reward.entries()) {
        expect(components!.kind![at]! + 0.5 * components!.weight![at]!).toBeCloseTo(whole!, 4);
      }
    }
  });

  test("an evaluation has each one's scores and figures, and the further judge's", async () => {
    const [final] = finals(await ran(several));
    const { arrays, metrics } = final!;
    expect(Object.keys(arrays.components!)).toEqual(["kind", "weight"]);
    expect(Object.keys(arrays.judges!)).toEqual(["second"]);
    const own = metricsOf(
      {
        promptScores: arrays.prompt_score as number[],
        rewards: arrays.components!.weight as number[],
        harm: arrays.components!.weight as number[],
        judge: arrays.judges!.second as number[],
        kl: arrays.kl as number[],
        lengths: arrays.length,
        dist: [0, 0, 0],
        perplexity: null,
        components: {},
        judges: {},
      },
      { harmThreshold: 0, harmComponent: null, tailQuantile: 0.1 },
    );
    expect(metrics.reward_mean_weight).toBeCloseTo(own.reward_mean!, 6);
    expect(metrics.tail_reward_weight).toBeCloseTo(own.tail_reward!, 6);
    expect(metrics["cvar_0.1_weight"]).toBeCloseTo(own["cvar_0.1"]!, 6);
    expect(metrics.judge_reward_second).toBeCloseTo(own.judge_reward!, 6);
    expect(metrics.judge_tail_second).toBeCloseTo(own.judge_tail!, 6);
  });

  test("a line is skipped over as well, whatever the components are called", async () => {
    const harness = await ran(several);
    for (const event of harness.events) {
      const { episodes, arrays, ...head } = event as unknown as Record<string, unknown>;
      expect(headOf(Buffer.from(JSON.stringify(event)))).toEqual(head);
    }
  });
});

test("with one component and one judge, nothing of it is in the journal", async () => {
  const harness = await ran({});
  const keys = new Set(harness.steps("ra-rlhf-s0").flatMap((step) => Object.keys(step)));
  expect(keys).not.toContain("components");
  expect((harness.steps("ra-rlhf-s0")[0]!.episodes as Arrays).components).toBeUndefined();
  const [final] = finals(harness);
  expect(Object.keys(final!.arrays)).toEqual([
    ...["prompt", "prompt_score", "reward", "judge", "kl", "length"],
  ]);
  expect(Object.keys(final!.metrics).filter((name) => /_(reward|judge)$/.test(name))).toEqual([
    ...["tail_reward", "judge_reward"],
  ]);
});
