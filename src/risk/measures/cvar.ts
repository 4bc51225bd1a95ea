import { lowest } from "../selection.js";
import { equalWeights, normalised, requireBatch, type WeighingMeasure } from "./risk-measure.js";

/**
 * The paper's rule (Chaudhary et al., NeurIPS 2024, arXiv 2501.06911): equal weights on exactly
 * the `kept` lowest episodes, nothing on the others. With importance weights: those weights, on the
 * lowest episodes whose weights are α' of all (Greenberg et al., NeurIPS 2022).
 *
 * On advantages against a mean b this follows ∇ E[1[R̄ ≤ q]·(R̄ − b)]/α with q and b held fixed; the
 * gradient of CVaR_α has q in b's place (`cvar-policy-gradient`).
 */
export const cvar: WeighingMeasure = {
  answers: "weights",
  weigh: (input) => {
    requireBatch(input);
    if (input.importance) {
      const { weights, tail } = input.importance;
      return normalised(weights.map((weight, episode) => weight * tail[episode]!));
    }
    return equalWeights(input.returns.length, lowest(input.statistic, input.kept));
  },
  uses: { alpha: true, statistic: true },
  populations: ["batch", "prompt"],
  component: "optional",
  role: "averse",
  takesImportance: true,
  settings: [],
  isMean: ({ alpha }) => alpha === 1,
  trainsOn: () => ({ episodes: "singled out", bound: "exact" }),
  words: {
    label: "CVaR",
    description: "trains on the worst fraction α of the episodes alone, each alike",
    rule: "the lowest ⌈α'B⌉ episodes 1, the others 0",
    follows: "the mean's update on the tail alone, which is held fixed: no gradient of CVaR",
  },
};
