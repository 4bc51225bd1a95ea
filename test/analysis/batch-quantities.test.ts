import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchQuantities } from "../../src/analysis/batch-quantities.js";
import { selectEpisodes } from "../../src/engine/actions/select-episodes.js";
import { riskMeasureNames } from "../../src/risk/measures/registry.js";
import { batchOf, positionAt } from "../engine/actions/batches.js";
import { smallExperiment } from "../engine/experiments.js";

function table(arm: string, experiment = smallExperiment()) {
  const rows = batchQuantities(experiment, experiment.arms[arm]!);
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

describe("the batch quantities", () => {
  test("of a risk-averse arm", () => {
    // B = 16, minibatches of 8, 2 passes, M = 6, 8 new tokens, α = 0.5 from iteration 5.
    expect(table("ra-rlhf")).toEqual({
      sft_steps: 4,
      sft_batch: 32,
      sft_tokens: 64,
      iterations: 6,
      prompts: 16,
      episodes_per_prompt: 1,
      episodes: 16,
      episodes_total: 96,
      sampled_at_once: 16,
      prompt_tokens: 8,
      new_tokens: 8,
      generated_tokens: 128,
      epochs: 2,
      minibatch: 8,
      kept_at_start: 16,
      gradient_steps_at_start: 4,
      trained_tokens_at_start: 256,
      kept_at_end: 8,
      gradient_steps_at_end: 2,
      trained_tokens_at_end: 128,
      evaluation_prompts: 60,
      frontier_prompts: 40,
    });
  });

  test("of arms that do less hold less", () => {
    const experiment = smallExperiment({ arms: { base: {}, sft: {} }, evaluation: { every: 0 } });
    expect(table("base", experiment)).toEqual({ evaluation_prompts: 60 });
    expect(Object.keys(table("sft", experiment))).toEqual([
      "sft_steps",
      "sft_batch",
      "sft_tokens",
      "evaluation_prompts",
    ]);
  });

  test("of groups count prompts and completions, and a KL loss on every episode", () => {
    const training = { algorithm: "grpo", completions: 4 } as const;
    const experiment = smallExperiment({ arms: { mine: { training } } });
    expect(table("mine", experiment)).toMatchObject({
      prompts: 4,
      episodes_per_prompt: 4,
      episodes: 16,
      kept_at_end: 8,
      gradient_steps_at_end: 4,
      trained_tokens_at_end: 256,
    });
    const outside = smallExperiment({ arms: { mine: { training, kl: { beta: 0 } } } });
    expect(table("mine", outside)).toMatchObject({ kept_at_end: 8, gradient_steps_at_end: 2 });
  });

  test("of fixed gradient steps are the same at the start and at the end", () => {
    // B = 16, minibatches of 2: 8 steps an epoch, also where 8 and where 2 episodes are kept.
    const training = { steps: "fixed", minibatch: 2 } as const;
    const arms = {
      half: { training },
      few: { training, risk: { alpha: 0.1 } },
    };
    const experiment = smallExperiment({ arms });
    expect(table("half", experiment)).toMatchObject({
      gradient_steps_at_start: 16,
      gradient_steps_at_end: 16,
      trained_tokens_at_end: 128,
    });
    // The 2 kept ones are gone through four times in each of the 2 epochs.
    expect(table("few", experiment)).toMatchObject({
      kept_at_end: 2,
      gradient_steps_at_end: 16,
      trained_tokens_at_end: 128,
    });
  });

  test("each have a unit", () => {
    const experiment = smallExperiment();
    for (const { unit } of batchQuantities(experiment, experiment.arms["ra-rlhf"]!)) {
      expect(unit).not.toBe("");
    }
  });

  test("kept: what the selection keeps, or its bound", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...riskMeasureNames),
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.constantFrom("soft" as const, "constant" as const, "adaptive" as const),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom("start" as const, "end" as const),
        (measure, batch, alpha, annealing, mixture, when) => {
          const risk = { measure, alpha, annealing, mixture };
          const experiment = smallExperiment({ arms: { mine: { risk, training: { batch } } } });
          const arm = experiment.arms.mine!;
          const row = batchQuantities(experiment, arm).find(
            ({ name }) => name === `kept_at_${when}`,
          )!;
          const values = Float32Array.from({ length: batch }, (_, i) => (i * 37) % batch);
          const { iterations } = arm.training;
          const step = when === "start" ? 0 : iterations - 1;
          const position = positionAt(arm.risk, step, iterations, 7);
          const { kept } = selectEpisodes(arm.risk, batchOf(values), position);
          if (row.bound === "exact") expect(kept).toBe(row.value);
          else expect(kept).toBeLessThanOrEqual(row.value);
        },
      ),
    );
  });
});
