import { lowest } from "../selection.js";
import { equalWeights, normalised, requireBatch, type WeighingMeasure } from "./risk-measure.js";

/**
 * Weights ∝ (q_α − R̄)⁺ on the kept episodes: the further under the quantile, the more an episode
 * counts. Inspired by the CVaR policy gradient (Tamar et al., AAAI 2015), and not that gradient: the
 * weight multiplies an advantage, which has the return in it once more, so that the update is
 * quadratic in the distance. The gradient itself is `cvar-policy-gradient`.
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
    const tail = lowest(statistic, kept);
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
  uses: { alpha: true, statistic: true },
  populations: ["batch", "prompt"],
  component: "optional",
  role: "averse",
  takesImportance: true,
  settings: [],
  isMean: ({ alpha }) => alpha === 1,
  // The episode at the quantile itself has weight 0.
  trainsOn: () => ({ episodes: "singled out", bound: "at most" }),
  words: {
    label: "CVaR, by distance",
    description:
      "trains on the worst fraction α of the episodes, the more the further they lie under the quantile",
    rule: "∝ (q − R̄)⁺ on the lowest ⌈α'B⌉ episodes, q the highest return among them",
    follows:
      "the mean's update on the tail, by the distance under the quantile: no gradient of CVaR",
  },
};
