import { worst } from "../selection.js";
import { equalWeights, normalised, requireBatch, type WeighingMeasure } from "./risk-measure.js";

/**
 * Weights ∝ (q_α − R̄)⁺ on the kept episodes, as in the CVaR policy gradient
 * ∇CVaR_α = E[(R̄ − q_α)·1[R̄ ≤ q_α]·∇log π]/α (Tamar et al., AAAI 2015; Greenberg et al.,
 * NeurIPS 2022): the further under the quantile, the more an episode counts.
 *
 * q_α is the highest return among the kept: the value at risk when episodes are ranked by return.
 * The episode at the quantile itself has weight 0 and drops out. Where all are kept (the warm
 * start: CVaR₁ is the mean), or all kept returns are equal, the weights are equal.
 */
export const cvarGradient: WeighingMeasure = {
  answers: "weights",
  weigh: (input) => {
    requireBatch(input);
    const { returns, statistic, kept, importance } = input;
    const batch = returns.length;
    const tail = worst(statistic, kept);
    const quantile = tail.reduce(
      (highest, episode) => Math.max(highest, returns[episode]!),
      -Infinity,
    );
    const raw = new Float64Array(batch);
    for (const episode of tail) {
      raw[episode] = quantile - returns[episode]!;
    }
    if (importance) {
      const { weights, tail: parts } = importance;
      const isEqual = parts.every((part) => part === 1) || raw.every((weight) => weight === 0);
      const factor = isEqual ? parts : raw;
      return normalised(weights.map((weight, episode) => weight * factor[episode]!));
    }
    if (kept === batch || raw.every((weight) => weight === 0)) {
      return equalWeights(batch, tail);
    }
    return normalised(raw);
  },
  singlesOut: "lowest",
  population: "batch",
  role: "averse",
  takesImportance: true,
  ownSettings: [],
  isMean: ({ alpha }) => alpha === 1,
  // The episode at the quantile itself has weight 0.
  trainsOn: () => ({ episodes: "singled out", bound: "at most" }),
  words: {
    label: "CVaR, by distance",
    description:
      "trains on the worst fraction α of the episodes, the more the further they lie under the quantile",
    rule: "∝ (q − R̄)⁺ on the lowest ⌈α'B⌉ episodes, q the highest return among them",
  },
};
