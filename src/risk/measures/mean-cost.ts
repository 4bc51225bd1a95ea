import { mapped } from "../../stats/mapped.js";
import { remembered } from "../tracked.js";
import { type RewardMeasure, requireBatch } from "./risk-measure.js";

/**
 * A bound on the mean of a cost, by a multiplier: PPO-Lagrangian (Ray et al. 2019; Altman 1999; of
 * language models Dai et al. 2023, arXiv 2310.12773). The component's contribution Z is the cost
 * c = −Z and takes part as −λ·c. Dual ascent: λ ← (λ + η_λ·(c̄ − limit))₊, c̄ the batch's mean, so
 * that λ rises while the bound is exceeded and is never under 0.
 *
 * A control: every episode counts by its cost, linearly, whatever place it has in the tail.
 */
export const meanCost: RewardMeasure = {
  answers: "rewards",
  rewards: (input) => {
    requireBatch(input);
    const { rewards, settings, memory } = input;
    const { limit, multiplier_rate } = settings;
    let mean = 0;
    for (const reward of rewards) {
      mean -= reward / rewards.length;
    }
    const multiplier = remembered(memory, "multiplier", () => settings.multiplier);
    return {
      rewards: new Float32Array(mapped(rewards, (reward) => multiplier * reward)),
      memory: { multiplier: Math.max(0, multiplier + multiplier_rate * (mean - limit)) },
      figures: { multiplier, cost_mean: mean },
    };
  },
  uses: { alpha: false, statistic: false },
  populations: ["batch"],
  component: "required",
  role: "control",
  settings: ["limit", "multiplier", "multiplier_rate"],
  isMean: ({ multiplier, multiplier_rate }) => multiplier === 0 && multiplier_rate === 0,
  trainsOn: () => ({ episodes: "all", bound: "exact" }),
  words: {
    label: "mean cost",
    description: "trains on every episode, with one component as a cost whose mean is bounded",
    rule: "R' = others − λ·c, c = −component; λ follows c̄ − limit, λ ≥ 0",
    follows: "the gradient of E[others] − λ·E[c], λ in place",
  },
};
