import { ascendingOrder } from "../../stats/order.js";
import { isUndistorted, rankSpectrum } from "../distortions.js";
import { centred } from "../tail-advantages.js";
import { type AdvantageMeasure, requireBatch } from "./risk-measure.js";

/**
 * The gradient of the distorted mean M = ∫ r dg(F(r)) (Acerbi 2002; Wang 2000):
 * ∇M = −∫ φ(F(r))·E[1[R̄ ≤ r]·∇ log π] dr, φ = g′, so A(R̄) = −∫_{R̄}^{max} φ(F(r)) dr. In a batch
 * F is a step function, and the integral a sum of gaps between neighbouring returns. Less their mean,
 * a baseline, so that advantages sum to 0. With φ = 1[u < α]/α it is `cvar-policy-gradient`.
 *
 * @throws {RangeError} also when the parameter is out of the distortion's range
 */
export const spectralPolicyGradient: AdvantageMeasure = {
  answers: "advantages",
  advantages: (input) => {
    requireBatch(input);
    const { returns, settings } = input;
    const spectrum = rankSpectrum(returns.length, settings);
    const order = ascendingOrder(returns);
    const advantages = new Float64Array(order.length);
    let sum = 0;
    for (let rank = order.length - 1; rank > 0; rank -= 1) {
      const gap = returns[order[rank]!]! - returns[order[rank - 1]!]!;
      sum -= gap * spectrum[rank]!;
      advantages[order[rank - 1]!] = sum;
    }
    return { advantages: new Float32Array(centred(advantages)) };
  },
  uses: { alpha: false, statistic: false },
  populations: ["batch", "prompt"],
  component: "optional",
  role: "averse",
  settings: ["distortion", "distortion_parameter"],
  isMean: isUndistorted,
  trainsOn: () => ({ episodes: "all", bound: "at most" }),
  words: {
    label: "spectral gradient",
    description:
      "pushes every episode by the gaps above it, each as much as a distortion weighs its rank",
    rule: "A = −∫ φ(F(r)) dr from R̄ to the highest return, less the mean; φ: slope of the distortion",
    follows: "the gradient of the distorted mean ∫ r dg(F(r)) of R̄",
  },
};
