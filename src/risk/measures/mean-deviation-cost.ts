import { mapped } from "../../stats/mapped.js";
import { remembered } from "../tracked.js";
import { type RewardMeasure, requireBatch, requireSetting } from "./risk-measure.js";

/**
 * A bound on mean and standard deviation of a cost, by a multiplier (HC-RLHF, arXiv 2506.08266): the
 * component's contribution Z is the cost c = −Z, and takes part as
 * −λ·[c + κ·(c² − 2c·c̄)/(2·sd)], whose expected update is that of −λ·(c̄ + κ·sd). λ ← (λ +
 * η_λ·(c̄ + κ·sd − limit))₊ rises while the bound is exceeded. c̄ and sd are the batch's, or means
 * over a window: they move by `tracking_rate` of the way to each batch's.
 */
export const meanDeviationCost: RewardMeasure = {
  answers: "rewards",
  rewards: (input) => {
    requireBatch(input);
    const { rewards, settings, memory, population } = input;
    const { limit, deviations, multiplier_rate, tracking_rate } = settings;
    requireSetting(deviations >= 0, "deviations", deviations, "a number ≥ 0");
    const cost = mapped(rewards, (value) => -value);
    const ofBatch = moments(cost);
    const rate = population === "window" ? tracking_rate : 1;
    const followed = (name: "mean" | "square"): number => {
      const before = remembered(memory, name, () => ofBatch[name]);
      return before + rate * (ofBatch[name] - before);
    };
    const mean = followed("mean");
    const square = followed("square");
    const deviation = Math.sqrt(Math.max(0, square - mean * mean));
    const multiplier = remembered(memory, "multiplier", () => settings.multiplier);
    const spread = deviation > 0 ? deviations / (2 * deviation) : 0;
    const excess = mean + deviations * deviation - limit;
    return {
      rewards: new Float32Array(
        mapped(cost, (own) => -multiplier * (own + spread * (own * own - 2 * own * mean))),
      ),
      memory: { multiplier: Math.max(0, multiplier + multiplier_rate * excess), mean, square },
      figures: { multiplier, cost_mean: mean, cost_deviation: deviation },
    };
  },
  uses: { alpha: false, statistic: false },
  populations: ["window", "batch"],
  component: "required",
  role: "averse",
  settings: ["limit", "deviations", "multiplier", "multiplier_rate", "tracking_rate"],
  isMean: ({ multiplier, multiplier_rate }) => multiplier === 0 && multiplier_rate === 0,
  trainsOn: () => ({ episodes: "all", bound: "exact" }),
  words: {
    label: "mean-deviation cost",
    description:
      "trains on every episode, with one component as a cost whose mean and deviation are bounded",
    rule: "R' = others − λ·[c + κ(c² − 2c·c̄)/(2·sd)], c = −component; λ follows c̄ + κ·sd − limit; κ: deviations",
    follows: "the gradient of E[others] − λ·(E[c] + κ·sd(c)), λ in place",
  },
};

function moments(values: Float64Array): { readonly mean: number; readonly square: number } {
  let mean = 0;
  let square = 0;
  for (const value of values) {
    mean += value / values.length;
    square += (value * value) / values.length;
  }
  return { mean, square };
}
