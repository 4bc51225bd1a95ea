import { normalised, requireBatch, type WeighingMeasure } from "./risk-measure.js";

/**
 * Exponential tilting: weights ∝ exp(−R̄/T) over the whole batch, the gradient of the entropic
 * risk −T·log E[exp(−R̄/T)] (Howard & Matheson 1972). Large T is risk-neutral, small T sees only
 * the worst. Smooth, so no episode is dropped by rank: α and the schedule play no part. Weights
 * that vanish in single precision are 0.
 *
 * @throws {RangeError} also when the temperature is not a positive number
 */
export const entropic: WeighingMeasure = {
  answers: "weights",
  weigh: (input) => {
    requireBatch(input);
    const { returns, temperature, importance } = input;
    if (!(temperature > 0 && temperature < Infinity)) {
      throw new RangeError(`temperature is ${temperature}: a positive number is needed`);
    }
    // Against the lowest return, so that the largest exponential is 1 and nothing overflows.
    let lowest = Infinity;
    for (const value of returns) {
      lowest = Math.min(lowest, value);
    }
    const tilted = Float64Array.from(returns, (value) => Math.exp((lowest - value) / temperature));
    return normalised(
      importance ? tilted.map((weight, at) => weight * importance.weights[at]!) : tilted,
    );
  },
  singlesOut: "none",
  population: "batch",
  role: "averse",
  takesImportance: true,
  ownSettings: ["temperature"],
  isMean: () => false,
  trainsOn: () => ({ episodes: "all", bound: "at most" }),
  words: {
    label: "entropic",
    description: "weighs every episode, exponentially more the lower its return is",
    rule: "∝ exp(−R̄/temperature) on every episode",
  },
};
