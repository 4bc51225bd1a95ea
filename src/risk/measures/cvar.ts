import { worst } from "../selection.js";
import { equalWeights, requireBatch, type WeighingMeasure } from "./risk-measure.js";

/**
 * The paper's rule (Chaudhary et al., NeurIPS 2024, arXiv 2501.06911): equal weights on exactly
 * the `kept` lowest episodes, nothing on the others.
 */
export const cvar: WeighingMeasure = {
  answers: "weights",
  weigh: (input) => {
    requireBatch(input);
    return equalWeights(input.returns.length, worst(input.statistic, input.kept));
  },
  singlesOut: "lowest",
  population: "batch",
  role: "averse",
  ownSettings: [],
  isMean: ({ alpha }) => alpha === 1,
  trainsOn: () => ({ episodes: "singled out", bound: "exact" }),
  words: {
    label: "CVaR",
    description: "trains on the worst fraction α of the episodes alone, each alike",
    rule: "the lowest ⌈α'B⌉ episodes 1, the others 0",
  },
};
