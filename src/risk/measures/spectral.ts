import { ascendingOrder } from "../../stats/order.js";
import { isUndistorted, rankWeights } from "../distortions.js";
import { normalised, requireBatch, type WeighingMeasure } from "./risk-measure.js";

/**
 * A spectral risk measure (Acerbi 2002) as weights: the i-th lowest of B episodes weighs
 * B·(g(i/B) − g((i − 1)/B)), so that the weighted mean of the statistic is the distorted mean
 * ∫ r dg(F(r)). g by `distortion`: Wang, power or cumulative prospect weighting. On advantages this
 * holds the weights fixed; the gradient itself is `spectral-policy-gradient`.
 *
 * @throws {RangeError} also when the parameter is out of the distortion's range
 */
export const spectral: WeighingMeasure = {
  answers: "weights",
  weigh: (input) => {
    requireBatch(input);
    const byRank = rankWeights(input.returns.length, input.settings);
    const raw = new Float64Array(byRank.length);
    const order = ascendingOrder(input.statistic);
    for (let rank = 0; rank < order.length; rank += 1) {
      raw[order[rank]!] = Math.max(0, byRank[rank]!);
    }
    return normalised(raw);
  },
  uses: { alpha: false, statistic: true },
  populations: ["batch", "prompt"],
  component: "optional",
  role: "averse",
  settings: ["distortion", "distortion_parameter"],
  isMean: isUndistorted,
  trainsOn: () => ({ episodes: "all", bound: "at most" }),
  words: {
    label: "spectral",
    description:
      "weighs every episode by its rank, the lowest most, as a distortion of probability says",
    rule: "B·(g(i/B) − g((i−1)/B)) on the i-th lowest episode; g: distortion",
    follows: "the mean's update under weights by rank that are held fixed",
  },
};
