/**
 * The arm ra-rlhf-paper against what the paper's published code computes, from its definitions: the
 * episodes whose λ-return is not above the ⌈α'B⌉-th lowest, and their KL over B.
 */
import { expect, test } from "vitest";
import { armPresets } from "../../src/config/arms.js";
import type { StepEvent } from "../../src/journal/events.js";
import { float32Array, float32Bytes } from "../../src/protocol/arrays.js";
import type { Payload, Result } from "../../src/protocol/messages.js";
import { smallExperiment } from "./experiments.js";
import { Harness } from "./run-harness.js";

test("kept episodes, KL, β and gradient steps are those of the definitions", async () => {
  const { changes } = armPresets["ra-rlhf-paper"]!;
  // α' falls to 0.25 of B = 16 at iteration 5; minibatches of 4: 4 gradient steps an epoch.
  const alpha = 0.25;
  const experiment = smallExperiment({
    arms: { paper: {} },
    sft: { steps: 0 },
    parallel: 1,
    evaluation: { every: 0 },
    training: { minibatch: 4 },
  });
  const plain = experiment.arms.paper!;
  const arm = {
    ...plain,
    risk: { ...plain.risk, alpha, ...(changes.risk as object) },
    kl: { ...plain.kl, ...(changes.kl as object) },
    training: { ...plain.training, ...(changes.training as object) },
  };
  const ranked: Float32Array[] = [];
  const updates: Payload<"update">[] = [];
  const harness = new Harness(
    { ...experiment, arms: { paper: arm } },
    ({ command, payload, pass }) => {
      if (command === "update") updates.push(payload as Payload<"update">);
      return command === "rollout"
        ? pass().then((result) => {
            // Whole numbers, so that several tie at the quantile.
            const rolled = result as Result<"rollout">;
            const lambda = float32Array(rolled.lambda_return!).map(Math.round);
            ranked.push(lambda);
            return { ...rolled, lambda_return: float32Bytes(lambda) };
          })
        : null;
    },
  );
  expect((await harness.run()).outcome).toBe("done");
  const steps = harness.steps("paper-s0");
  let tied = 0;
  for (const [m, step] of steps.entries()) {
    const { weight, kl } = step.episodes as Extract<StepEvent["episodes"], { weight: number[] }>;
    const statistic = [...ranked[m]!];
    const asked = m <= 2 ? 16 : m >= 5 ? 4 : Math.ceil(16 * (1 - (0.75 * (m - 2)) / 3));
    const quantile = [...statistic].sort((a, b) => a - b)[asked - 1]!;
    const mask = statistic.map((value) => (value > quantile ? 0 : 1));
    expect(weight.map((value) => (value > 0 ? 1 : 0))).toEqual(mask);
    const kept = mask.filter((one) => one === 1).length;
    expect(step.kept).toBe(kept);
    tied += kept > asked ? 1 : 0;
    const controlled = mask.reduce<number>((sum, one, i) => sum + one * kl[i]!, 0) / 16;
    expect(step.kl_controlled).toBeCloseTo(controlled, 6);
    const { target, k_beta, clip } = arm.kl;
    const error = Math.min(clip, Math.max(-clip, (controlled - target) / target));
    if (m + 1 < steps.length) {
      expect(steps[m + 1]!.beta).toBeCloseTo(step.beta * (1 + k_beta * error), 9);
    }
    expect(step.gradient_steps).toBe(2 * 4);
    expect(updates[m]!.whiten).toBe("kept");
  }
  expect(tied).toBeGreaterThan(0);
});
