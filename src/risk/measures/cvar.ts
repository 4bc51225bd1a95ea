import { worst } from "../selection.js";
import { equalWeights, type RiskMeasure, requireBatch } from "./risk-measure.js";

/**
 * The paper's rule (Chaudhary et al., NeurIPS 2024, arXiv 2501.06911): equal weights on exactly
 * the `kept` lowest episodes, nothing on the others.
 */
export const cvar: RiskMeasure = (input) => {
  requireBatch(input);
  return equalWeights(input.returns.length, worst(input.statistic, input.kept));
};
