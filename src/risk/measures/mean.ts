import { type RiskMeasure, requireBatch } from "./risk-measure.js";

/** Risk-neutral: every episode counts alike at every step, whatever the schedule says. */
export const mean: RiskMeasure = (input) => {
  requireBatch(input);
  const batch = input.returns.length;
  return { weights: new Float32Array(batch).fill(1), kept: batch };
};
