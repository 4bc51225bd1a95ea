/** Prompt samplers in a trial: what they are told, what the journal says, and that nothing is lost. */
import { describe, expect, test } from "vitest";
import type { ArmConfig } from "../../src/config/schema/experiment.js";
import type { StepEvent } from "../../src/journal/events.js";
import { float32Array } from "../../src/protocol/arrays.js";
import type { Payload } from "../../src/protocol/messages.js";
import { weightedMean, weightedTail } from "../../src/risk/weighted-tail.js";
import { WorkerLost } from "../../src/worker/contract.js";
import { smallExperiment } from "./experiments.js";
import { Harness } from "./run-harness.js";

type Arm = {
  readonly [S in "sampling" | "risk" | "training" | "kl"]?: Partial<ArmConfig[S]>;
};

const experimentOf = (arm: Arm) =>
  smallExperiment({
    arms: { mine: { stage: "rl", ...arm } },
    sft: { steps: 0 },
    evaluation: { every: 0 },
    parallel: 1,
    checkpoint: { every: 2 },
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
const arraysOf = (step: StepEvent) => step.episodes as Arrays;
const sum = (values: Iterable<number>) => [...values].reduce((total, one) => total + one, 0);

const crossEntropy = { strategy: "cross-entropy", strata: 4, smoothing: 0.5 } as const;

describe("a trial with the cross-entropy sampler", () => {
  test("has figures of the natural mix, from importance weights that the journal keeps", async () => {
    const { steps } = await trained({ sampling: crossEntropy });
    for (const step of steps) {
      const { importance, ...episodes } = arraysOf(step);
      const { sampling } = step;
      expect(sampling!.weighted).toBe(true);
      expect(sum(sampling!.shares)).toBeCloseTo(1, 9);
      expect(sampling!.natural).toEqual([0.25, 0.25, 0.25, 0.25]);
      const weights = importance!;
      expect(sampling!.effective).toBeCloseTo(
        sum(weights) ** 2 / sum(weights.map((own) => own ** 2)),
        3,
      );
      expect(sampling!.largest_weight).toBeCloseTo(Math.max(...weights), 6);
      const tail = weightedTail(episodes.return as number[], weights, 0.5);
      expect(step.cvar).toBeCloseTo(tail.cvar, 4);
      expect(step.var).toBeCloseTo(tail.var, 4);
      expect(step.reward_mean).toBeCloseTo(weightedMean(episodes.reward as number[], weights), 4);
      expect(step.kl_mean).toBeCloseTo(weightedMean(episodes.kl as number[], weights), 4);
    }
    expect(steps.at(-1)!.sampling!.shares).not.toEqual(steps[0]!.sampling!.shares);
    expect(steps.at(-1)!.sampling!.effective).toBeLessThan(16);
  });

  test("trains on the natural mix's tail: importance weights times what lies in it, of mean 1", async () => {
    const { steps, updates } = await trained({ sampling: crossEntropy });
    const last = steps.at(-1)!;
    const { importance, weight, return: returns } = arraysOf(last);
    const { parts } = weightedTail(returns as number[], importance!, last.alpha);
    const raw = Float64Array.from(parts, (part, at) => part * importance![at]!);
    const kept = raw.filter((own) => own > 0).length;
    expect(last.kept).toBe(kept);
    expect(kept).toBeLessThan(16);
    for (const [at, own] of raw.entries()) {
      expect(weight[at]).toBeCloseTo((own * kept) / sum(raw), 4);
    }
    expect([...float32Array(updates.at(-1)!.weights!)]).toEqual(
      weight.map((own) => expect.closeTo(own, 6)),
    );
  });

  test("draws prompts for whole groups of completions, and learns from all of them", async () => {
    const { steps } = await trained({
      sampling: crossEntropy,
      training: { algorithm: "rloo", completions: 4, batch: 32, minibatch: 16 },
    });
    for (const step of steps) {
      const { prompt, importance } = arraysOf(step);
      for (let at = 0; at < 32; at += 1) {
        expect(prompt[at]).toBe(prompt[4 * Math.floor(at / 4)]);
        expect(importance![at]).toBe(importance![4 * Math.floor(at / 4)]);
      }
      expect(sum(step.memory!.sampler!.drawn as number[])).toBe(8 * (step.step + 1));
    }
  });

  test("without importance weights has figures of the batch as drawn", async () => {
    const { steps } = await trained({ sampling: { ...crossEntropy, importance: "off" } });
    for (const step of steps) {
      const { importance, reward, weight } = arraysOf(step);
      expect(importance).toBeUndefined();
      expect(step.sampling!.weighted).toBe(false);
      expect(step.reward_mean).toBeCloseTo(sum(reward as number[]) / 16, 5);
      expect(weight.filter((own) => own > 0)).toHaveLength(step.kept);
    }
    expect(steps.at(-1)!.kept).toBe(8);
  });
});

describe("a trial that is stratified", () => {
  test("can be weighted back, and then trains on all episodes by their weights", async () => {
    const { steps } = await trained({
      sampling: { strategy: "stratified", importance: "weights", hard_fraction: 0.1 },
      risk: { measure: "mean" },
    });
    for (const step of steps) {
      const { importance, weight, reward } = arraysOf(step);
      expect(weight.map((own) => expect.closeTo(own, 5))).toEqual(importance);
      expect(new Set(importance)).toEqual(new Set([expect.closeTo(0.2), expect.closeTo(1.8)]));
      expect(step.sampling).toMatchObject({
        shares: [0.5, 0.5],
        natural: [0.1, 0.9],
        weighted: true,
      });
      expect(step.reward_mean).toBeCloseTo(weightedMean(reward as number[], importance!), 4);
    }
  });

  test("says no more than it did where nothing is weighted", async () => {
    const { steps } = await trained({ sampling: { strategy: "stratified" } });
    for (const step of steps) {
      expect(step).not.toHaveProperty("sampling");
      expect(step).not.toHaveProperty("memory");
      expect(step.episodes).not.toHaveProperty("importance");
    }
  });
});

test("a trial with replay draws again what was bad, and weighs its KL loss back", async () => {
  const { steps, updates } = await trained({
    sampling: { strategy: "replay", batch_fraction: 0.25 },
    kl: { form: "loss" },
  });
  expect(steps.map(({ batch_fraction }) => batch_fraction)).toEqual([0, ...Array(5).fill(0.25)]);
  for (const [m, step] of steps.entries()) {
    const kl = [...float32Array(updates[m]!.kl_weights!)];
    const recent = new Set(m === 0 ? [] : (steps[m - 1]!.memory!.sampler!.prompts as number[]));
    const { prompt } = arraysOf(step);
    for (const [at, id] of prompt.entries()) {
      const stratum = recent.has(id) ? 0 : 1;
      const { natural, shares } = step.sampling!;
      expect(kl[at]).toBeCloseTo(natural[stratum]! / shares[stratum]!, 5);
    }
  }
});

describe.each([
  { name: "cross-entropy", sampling: crossEntropy },
  { name: "replay", sampling: { strategy: "replay" } as const },
])("$name", ({ sampling }) => {
  test("goes on to the bit after its worker is lost between two checkpoints", async () => {
    const { steps } = await trained({ sampling });
    let updates = 0;
    const harness = new Harness(experimentOf({ sampling }), ({ command }) => {
      updates += command === "update" ? 1 : 0;
      // In the update of step 3, after the checkpoint at 2.
      const isLost = command === "update" && updates === 4;
      return isLost ? Promise.reject(new WorkerLost("it died", "exited", ["a", "b"])) : null;
    });
    expect((await harness.run()).outcome).toBe("done");
    expect(harness.opened.length).toBe(2);
    const figures = ({ step, episodes, memory, sampling: told, cvar }: StepEvent) => ({
      step,
      episodes,
      memory,
      told,
      cvar,
    });
    const again = new Map(harness.steps("mine-s0").map((event) => [event.step, figures(event)]));
    expect([...again.values()]).toEqual(steps.map(figures));
  });
});

test("too few prompts for the strata are refused with the key", async () => {
  const harness = new Harness(
    experimentOf({ sampling: { strategy: "cross-entropy", strata: 1000 } }),
  );
  await harness.run();
  const failed = harness.events.find(({ type }) => type === "trial_failed");
  expect(failed).toMatchObject({
    message: expect.stringMatching(/training prompts, fewer than the 1000 strata.*sampling.strata/),
  });
});
