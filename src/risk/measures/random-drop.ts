import { shuffled } from "../../stats/random.js";
import { equalWeights, type RiskMeasure, requireBatch } from "./risk-measure.js";

/**
 * A control, not a risk measure: as many episodes as `cvar` keeps, drawn at random. What `cvar`
 * gains over it comes from the choice of episodes, not from the smaller update.
 */
export const randomDrop: RiskMeasure = (input) => {
  requireBatch(input);
  const batch = input.returns.length;
  return equalWeights(batch, shuffled(batch, input.random).subarray(0, input.kept));
};
