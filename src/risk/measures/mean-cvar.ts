import { lowest } from "../selection.js";
import {
  type EpisodeImportance,
  normalised,
  requireBatch,
  requireSetting,
  type WeighingMeasure,
} from "./risk-measure.js";

/**
 * Between `mean` and `cvar`, c = `mixture`: every episode weighs 1 − c, and the k kept ones c·B/k
 * more, so that the weighted mean of the returns is (1 − c)·mean + c·CVaR_α. c = 0 is `mean`, c = 1
 * is `cvar`; between them no episode is dropped.
 *
 * @throws {RangeError} also when the mixture is not in [0, 1]
 */
export const meanCvar: WeighingMeasure = {
  answers: "weights",
  weigh: (input) => {
    requireBatch(input);
    const { returns, statistic, kept, settings, importance } = input;
    const { mixture } = settings;
    requireSetting(mixture >= 0 && mixture <= 1, "mixture", mixture, "a fraction in [0, 1]");
    if (importance) {
      return normalised(withImportance(importance, mixture));
    }
    const raw = new Float64Array(returns.length).fill(1 - mixture);
    for (const episode of lowest(statistic, kept)) {
      raw[episode]! += (mixture * returns.length) / kept;
    }
    return normalised(raw);
  },
  uses: { alpha: true, statistic: true },
  populations: ["batch", "prompt"],
  component: "optional",
  role: "averse",
  takesImportance: true,
  settings: ["mixture"],
  isMean: ({ alpha, mixture }) => alpha === 1 || mixture === 0,
  // Episodes outside the tail keep the weight 1 − c.
  trainsOn: ({ mixture }) => ({ episodes: mixture < 1 ? "all" : "singled out", bound: "exact" }),
  words: {
    label: "mean-CVaR",
    description: "trains on every episode, and on the worst fraction α of them more",
    rule: "1 − c on every episode, and c·B/⌈α'B⌉ more on the lowest ⌈α'B⌉; c: mixture",
    follows: "the mean's update, and on the tail, which is held fixed, more of it",
  },
};

/** The same of weighted episodes: 1 − c on all, and c·W/W_tail more on what lies in the tail. */
function withImportance({ weights, tail }: EpisodeImportance, mixture: number): Float64Array {
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  const more = sum(weights) / sum(weights.map((weight, episode) => weight * tail[episode]!));
  return weights.map((weight, episode) => weight * (1 - mixture + mixture * more * tail[episode]!));
}
