import { withinPrompts } from "../populations.js";
import {
  type RewardMeasure,
  type RiskInput,
  requireBatch,
  requireSetting,
} from "./risk-measure.js";

/**
 * RVPO's soft minimum over the reward components of an episode (arXiv 2605.05750):
 * R' = −(1/k)·ln[(1/M)·Σ_j e^{−k·Z_j}], Z_j the z-score of component j among the prompt's
 * completions (among the batch where there is one), k = 1/`temperature`. An episode is as good as its
 * worst component, however good the others are: a component that is traded away costs. There it is the
 * advantage; here it takes the place of the reward, so that the KL stays, a critic can be used, and the
 * algorithm has its own baseline.
 *
 * @throws {RangeError} also when there is one component, or the temperature is not a positive number
 */
export const softMinimum: RewardMeasure = {
  answers: "rewards",
  rewards: (input) => {
    requireBatch(input);
    const { components, settings } = input;
    const { temperature } = settings;
    const sound = temperature > 0 && temperature < Infinity;
    requireSetting(sound, "temperature", temperature, "a positive number");
    if (components.length < 2) {
      throw new RangeError(`components has ${components.length} arrays: at least two are needed`);
    }
    const scores = components.map((own) => zScores(own, input));
    const rewards = new Float32Array(input.rewards.length);
    for (let episode = 0; episode < rewards.length; episode += 1) {
      let least = Infinity;
      for (const own of scores) {
        least = Math.min(least, own[episode]!);
      }
      let sum = 0;
      for (const own of scores) {
        sum += Math.exp((least - own[episode]!) / temperature);
      }
      rewards[episode] = least - temperature * Math.log(sum / scores.length);
    }
    return { rewards };
  },
  uses: { alpha: false, statistic: false },
  populations: ["components"],
  component: "none",
  role: "averse",
  settings: ["temperature"],
  isMean: () => false,
  trainsOn: () => ({ episodes: "all", bound: "exact" }),
  words: {
    label: "soft minimum",
    description: "trains on every episode, with about its worst reward component as the reward",
    rule: "R' = −T·ln mean_j e^(−Z_j/T) in place of the trained reward, Z_j a component's z-score; T: temperature",
    follows: "the gradient of E[R'], each component's mean and deviation in place",
  },
};

/** (Z − mean)/sd, sd with n − 1; 0 where all are equal or there is one alone. */
function zScores(values: ArrayLike<number>, { prompt }: RiskInput): Float64Array {
  const several = prompt.some((place, episode) => episode > 0 && place === prompt[episode - 1]);
  const scores = new Float64Array(values.length);
  const groups = several ? withinPrompts(prompt) : [[0, values.length] as const];
  for (const [from, to] of groups) {
    const count = to - from;
    let mean = 0;
    for (let episode = from; episode < to; episode += 1) {
      mean += values[episode]! / count;
    }
    let square = 0;
    for (let episode = from; episode < to; episode += 1) {
      square += (values[episode]! - mean) ** 2;
    }
    const deviation = count > 1 ? Math.sqrt(square / (count - 1)) : 0;
    for (let episode = from; deviation > 0 && episode < to; episode += 1) {
      scores[episode] = (values[episode]! - mean) / deviation;
    }
  }
  return scores;
}
