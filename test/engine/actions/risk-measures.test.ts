/** Every risk measure in a trial: what the worker gets, what the journal says, and what is carried. */
import { describe, expect, test } from "vitest";
import type { ArmConfig } from "../../../src/config/schema/experiment.js";
import type { StepEvent } from "../../../src/journal/events.js";
import { float32Array } from "../../../src/protocol/arrays.js";
import type { Payload } from "../../../src/protocol/messages.js";
import { riskMeasureNames, riskMeasures } from "../../../src/risk/measures/registry.js";
import { smallExperiment } from "../experiments.js";
import { Harness } from "../run-harness.js";

const two = [
  { name: "quality", kind: "length", unit: "words", target: 8 },
  { name: "harm", kind: "length", unit: "words", target: 9 },
] as const;

type Arm = { readonly [S in "risk" | "training"]?: Partial<ArmConfig[S]> };

const experimentOf = (arm: Arm) =>
  smallExperiment({
    reward: two as never,
    arms: { mine: { stage: "rl", ...arm } },
    sft: { steps: 0 },
    evaluation: { every: 0 },
    checkpoint: { every: 2 },
    parallel: 1,
  });

async function trained(arm: Arm) {
  const updates: Payload<"update">[] = [];
  const harness = new Harness(experimentOf(arm), ({ command, payload }) => {
    if (command === "update") updates.push(payload as Payload<"update">);
    return null;
  });
  expect((await harness.run()).outcome).toBe("done");
  return { steps: harness.steps("mine-s0"), updates };
}

type Arrays = Extract<StepEvent["episodes"], { weight: unknown }>;
/** As the journal has them: nine digits, no −0. */
const written = (values: Float32Array) =>
  Array.from(values, (value) => Number(value.toPrecision(9)) + 0);
const nonzero = (values: Iterable<number>) => [...values].filter((value) => value !== 0).length;

describe.each(riskMeasureNames)("%s", (measure) => {
  const own = riskMeasures[measure];
  const component = own.component === "required" ? "harm" : "combined";
  const risk = { measure, component, annealing: "constant" as const };

  test("without a critic gives one advantage per episode, and counts what it keeps", async () => {
    const training = { algorithm: "rloo", completions: 4 } as const;
    const { steps, updates } = await trained({ risk, training });
    expect(updates).toHaveLength(6);
    expect(updates.every(({ weights, rewards }) => weights === null && rewards === null)).toBe(
      true,
    );
    for (const [at, step] of steps.entries()) {
      const { weight, advantage } = step.episodes as Arrays;
      expect(step.kept).toBe(nonzero(weight));
      expect(written(float32Array(updates[at]!.advantages!))).toEqual(advantage);
      if (own.answers === "advantages") {
        expect(advantage!.map((value) => (value === 0 ? 0 : 1))).toEqual(weight);
      }
    }
  });

  test.skipIf(own.answers === "advantages")("with a critic gives weights, or rewards", async () => {
    const { steps, updates } = await trained({ risk, training: { completions: 4 } });
    for (const [at, step] of steps.entries()) {
      const { weights, rewards, advantages } = updates[at]!;
      expect(advantages).toBeNull();
      expect(written(float32Array(weights!))).toEqual((step.episodes as Arrays).weight);
      expect(rewards !== null).toBe(own.answers === "rewards");
    }
  });
});

test("a followed threshold goes on where a run was left, as if it had not been", async () => {
  const arm = { risk: { measure: "hinge", annealing: "constant", tracking_rate: 0.5 } } as const;
  const whole = await trained(arm);
  const thresholds = whole.steps.map(({ risk_figures }) => risk_figures!.threshold!);
  expect(new Set(thresholds).size).toBeGreaterThan(2);
  expect(whole.steps.map(({ memory }) => memory!.measure!.threshold).slice(0, -1)).toEqual(
    thresholds.slice(1),
  );
  const first = new Harness(
    experimentOf(arm),
    () => null,
    (event, harness) => {
      if (event.type === "step" && event.step === 3) harness.stop.abort();
    },
  );
  first.keep = true;
  await first.run();
  const second = new Harness(
    experimentOf(arm),
    () => null,
    () => {},
    null,
    first.recorder,
  );
  expect((await second.run(first.events)).outcome).toBe("done");
  const after = new Map(second.steps("mine-s0").map((step) => [step.step, step.risk_figures]));
  expect([...after.values()]).toEqual(thresholds.map((threshold) => ({ threshold })));
});

test("a joint objective with ppo: the others' rewards as they are, the component's λ times", async () => {
  const risk = {
    measure: "hinge",
    component: "harm",
    component_weight: 2,
    threshold: 0.5,
    annealing: "constant",
    alpha: 0.5,
  } as const;
  const rolled: Record<string, Float32Array> = {};
  const updates: Payload<"update">[] = [];
  const harness = new Harness(experimentOf({ risk }), ({ command, payload, pass }) => {
    if (command === "update") updates.push(payload as Payload<"update">);
    if (command !== "rollout" || "quality" in rolled) return null;
    return pass().then((result) => {
      const { trained: parts } = result as unknown as { trained: Uint8Array[] };
      rolled.quality = float32Array(parts[0]!);
      rolled.harm = float32Array(parts[1]!);
      return result;
    });
  });
  await harness.run();
  const rewards = float32Array(updates[0]!.rewards!);
  rewards.forEach((value, at) => {
    const hinge = -Math.max(0, 0.5 - rolled.harm![at]!) / 0.5;
    expect(value).toBeCloseTo(rolled.quality![at]! + 2 * hinge, 4);
  });
});
