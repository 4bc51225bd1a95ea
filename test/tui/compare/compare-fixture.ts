import type { Metric } from "../../../src/analysis/evaluation.js";
import type { ComparedRun, ComparedRunArm } from "../../../src/tui/compare/compared-run.js";

function metric(perSeed: number[], half: number | null): Metric {
  const mean = perSeed.reduce((sum, value) => sum + value, 0) / perSeed.length;
  return half === null
    ? { mean, sd: null, ci95: null, per_seed: perSeed }
    : { mean, sd: half / 2, ci95: [mean - half, mean + half], per_seed: perSeed };
}

/** @param tail tail reward of each seed */
export function arm(name: string, tail: number[]): ComparedRunArm {
  const half = tail.length > 1 ? 0.3 : null;
  const low = tail[0]!;
  return {
    arm: name,
    seeds: tail.map((_, seed) => seed),
    metrics: {
      reward_mean: metric(
        tail.map((value) => value + 4),
        half,
      ),
      tail_reward: metric(tail, half),
      "cvar_0.1": metric(
        tail.map((value) => value - 0.8),
        half,
      ),
      harm_rate: metric(
        tail.map((value) => 0.05 - value / 100),
        half === null ? null : 0.01,
      ),
      perplexity: metric(
        tail.map((value) => 22 + value),
        half,
      ),
    },
    scale: {},
    curve: Array.from({ length: 20 }, (_, at) => ({
      x: (at + 0.5) / 20,
      y: low + (5 - low) * Math.sqrt(at / 19),
    })),
  };
}

export const comparedRuns: readonly ComparedRun[] = [
  {
    id: "quickstart-1a2b3c4d",
    arms: [
      arm("sft", [-4.2, -4.4, -4.1]),
      arm("rlhf", [-2.5, -2.6, -2.2]),
      arm("ra-rlhf", [-1.7, -1.9, -1.2]),
    ],
    conclusion: ["Harm rate: 0.130 with sft → 0.046 with ra-rlhf (−65 %).", "ra-rlhf +0.81."],
    tailFraction: 0.1,
    problem: null,
  },
  {
    id: "quickstart-77777777",
    arms: [arm("ra-rlhf", [-0.7, -0.9, -1.0])],
    conclusion: [],
    tailFraction: 0.1,
    problem: null,
  },
  {
    id: "smoke-5e5e5e5e",
    arms: [],
    conclusion: [],
    tailFraction: null,
    problem: "no arm of it has been evaluated yet",
  },
];

export const oneRun: readonly ComparedRun[] = [
  {
    id: "quickstart-0badc0de",
    arms: [arm("sft", [-4.2]), arm("rlhf", [-2.5]), arm("ra-rlhf", [-1.7])],
    conclusion: ["Risk-averse against risk-neutral: one seed, not decided."],
    tailFraction: 0.1,
    problem: null,
  },
];
