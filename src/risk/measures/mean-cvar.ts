import { worst } from "../selection.js";
import { normalised, requireBatch, type WeighingMeasure } from "./risk-measure.js";

/**
 * The objective (1 − c)·E[R̄] + c·CVaR_α(R̄), c = `mixture`: every episode weighs 1 − c, and the
 * k kept ones c·B/k more. c = 0 is `mean`, c = 1 is `cvar`; between them no episode is dropped.
 *
 * @throws {RangeError} also when the mixture is not in [0, 1]
 */
export const meanCvar: WeighingMeasure = {
  answers: "weights",
  weigh: (input) => {
    requireBatch(input);
    const { returns, statistic, kept, mixture } = input;
    if (!(mixture >= 0 && mixture <= 1)) {
      throw new RangeError(`mixture is ${mixture}: a fraction in [0, 1] is needed`);
    }
    const raw = new Float64Array(returns.length).fill(1 - mixture);
    for (const episode of worst(statistic, kept)) {
      raw[episode]! += (mixture * returns.length) / kept;
    }
    return normalised(raw);
  },
  singlesOut: "lowest",
  population: "batch",
  role: "averse",
  ownSettings: ["mixture"],
  isMean: ({ alpha, mixture }) => alpha === 1 || mixture === 0,
  // Episodes outside the tail keep the weight 1 − c.
  trainsOn: ({ mixture }) => ({ episodes: mixture < 1 ? "all" : "singled out", bound: "exact" }),
  words: {
    label: "mean-CVaR",
    description: "trains on every episode, and on the worst fraction α of them more",
    rule: "1 − c on every episode, and c·B/⌈α'B⌉ more on the lowest ⌈α'B⌉; c: mixture",
  },
};
