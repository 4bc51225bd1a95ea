import { tilted } from "../exponential-tilt.js";
import { normalised, requireBatch, type WeighingMeasure } from "./risk-measure.js";

/**
 * Exponential tilting: weights ∝ exp(−R̄/T), the worst-case mix of the entropic risk
 * −T·log E[exp(−R̄/T)] (Howard & Matheson 1972) on the algorithm's own advantages; the gradient of that
 * risk is `entropic-policy-gradient`. Large T is risk-neutral, small T sees only the worst. Smooth, so
 * no episode is dropped by rank: α and the schedule play no part. Weights that vanish in single
 * precision are 0.
 *
 * @throws {RangeError} also when the temperature is not a positive number
 */
export const entropic: WeighingMeasure = {
  answers: "weights",
  weigh: (input) => {
    requireBatch(input);
    const { returns, settings, importance } = input;
    const raw = tilted(returns, settings.temperature);
    return normalised(importance ? raw.map((one, at) => one * importance.weights[at]!) : raw);
  },
  uses: { alpha: false, statistic: false },
  populations: ["batch", "prompt"],
  component: "optional",
  role: "averse",
  takesImportance: true,
  settings: ["temperature"],
  isMean: () => false,
  trainsOn: () => ({ episodes: "all", bound: "at most" }),
  words: {
    label: "entropic",
    description: "weighs every episode, exponentially more the lower its return is",
    rule: "∝ exp(−R̄/temperature) on every episode",
    follows:
      "the mean's update under weights that are held fixed: no gradient of the entropic risk",
  },
};
