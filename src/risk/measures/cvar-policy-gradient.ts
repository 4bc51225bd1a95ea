import { cvarAdvantages, underQuantile } from "../tail-advantages.js";
import { followed } from "../tracked.js";
import { type AdvantageMeasure, requireBatch } from "./risk-measure.js";

/**
 * ∇ CVaR_α(R̄) itself: A = −(q_α − R̄)₊/α and nothing else multiplies it (Tamar, Glassner & Mannor, AAAI
 * 2015; Greenberg et al., NeurIPS 2022). q_α is the ⌈α'B⌉-th lowest return of the batch or of the
 * prompt; over a window it follows the batches, q ← q + η(1 − [fraction of R̄ < q]/α'), from the
 * batch's own, which it is taken from as long as α' moves.
 *
 * Where all are kept (the warm start: CVaR₁ is the mean) the advantages are those against the
 * mean, not those against the best.
 */
export const cvarPolicyGradient: AdvantageMeasure = {
  answers: "advantages",
  advantages: (input) => {
    requireBatch(input);
    const { returns, kept, alpha, population, settings, memory } = input;
    if (population !== "window") {
      return { advantages: new Float32Array(cvarAdvantages(returns, kept, alpha)) };
    }
    const rate = settings.tracking_rate;
    const tracked = followed(returns, { memory, name: "quantile", level: alpha, rate });
    const quantile = tracked.now;
    const all = kept === returns.length;
    return {
      advantages: new Float32Array(
        all ? cvarAdvantages(returns, kept, alpha) : underQuantile(returns, quantile, alpha),
      ),
      memory: tracked.memory,
      figures: { quantile },
    };
  },
  uses: { alpha: true, statistic: false },
  populations: ["batch", "prompt", "window"],
  component: "optional",
  role: "averse",
  settings: ["tracking_rate"],
  isMean: ({ alpha }) => alpha === 1,
  // The episode at the quantile itself has advantage 0; a followed quantile keeps more or fewer.
  trainsOn: (_, population) => ({
    episodes: population === "window" ? "all" : "singled out",
    bound: "at most",
  }),
  words: {
    label: "CVaR policy gradient",
    description:
      "pushes each episode of the worst fraction α down by what it lies under the quantile",
    rule: "A = −(q − R̄)⁺/α', q the ⌈α'B⌉-th lowest return",
    follows: "the gradient of CVaR_α(R̄)",
  },
};
