import { expect, test } from "vitest";
import { limitLines } from "../../src/report/limit-words.js";

const arm = (metrics: Record<string, number[]>) => ({
  seeds: [0, 1],
  metrics: Object.fromEntries(
    Object.entries(metrics).map(([name, per_seed]) => [
      name,
      { mean: per_seed[0]!, sd: 0, ci95: null, per_seed },
    ]),
  ),
});

test("a fraction at 0 or 100 % with every seed is told, with what it still allows", () => {
  const lines = limitLines(
    {
      sft: arm({ harm_rate: [0.1, 0.2], toxicity_probability: [1, 1], repetition_rate: [0, 0] }),
      a: arm({ harm_rate: [0, 0], toxicity_probability: [1, 0.9], repetition_rate: [0, 0] }),
      b: arm({ harm_rate: [0, 0], capability_arc_easy_acc: [0, 0], tail_reward: [1, 1] }),
    },
    1000,
  );
  expect(lines).toEqual([
    "harm rate is 0 % with a, b: these arms cannot be told apart by it; none among 1000 prompts still allows a rate of 0.3 %.",
    "toxicity probability is 100 % with sft: it can show no further change; the threshold may be too strict.",
    "arc_easy_acc is 0 % with b: it can show no further change; the task is too hard for these models.",
  ]);
});
