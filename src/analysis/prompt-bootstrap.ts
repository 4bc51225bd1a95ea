/** What one seed's difference between two arms is worth, by resampling the test prompts. */

import type { EvaluatedEvent } from "../journal/events.js";
import { conditionalValueAtRisk, quantile } from "../risk/tail.js";
import { bootstrap95, type Interval } from "../stats/intervals.js";
import { generator, type Random } from "../stats/random.js";
import { type MetricSettings, metricAlpha, tailPrompts } from "./metrics.js";

export type ComparedMetric = "tail_reward" | "cvar_0.1" | "harm_rate" | "reward_mean";

const draws = 1000;
/** Fixed: the interval is a function of the journal alone. */
const bootstrapSeed = 0;

/**
 * 95 % interval of a − b over the prompts that both were evaluated on and both have a reward for.
 * It holds the noise of prompts and completions, and nothing of how a training run with another
 * seed would differ. Null when the arms were evaluated on different prompts, or none is left.
 */
export function promptInterval(
  a: EvaluatedEvent,
  b: EvaluatedEvent,
  metric: ComparedMetric,
  settings: MetricSettings,
): Interval | null {
  const ids = b.arrays.prompt;
  const samePrompts =
    a.arrays.prompt.length === ids.length && a.arrays.prompt.every((id, i) => id === ids[i]);
  const tail = metric === "tail_reward" ? tailOf(a, settings) : null;
  const taken = [...ids.keys()].filter(
    (index) =>
      a.arrays.reward[index] !== null &&
      b.arrays.reward[index] !== null &&
      (tail === null || tail.has(index)),
  );
  if (!samePrompts || taken.length === 0) {
    return null;
  }
  const first = Float64Array.from(taken, (index) => a.arrays.reward[index]!);
  const second = Float64Array.from(taken, (index) => b.arrays.reward[index]!);
  const random = generator(bootstrapSeed);
  const differences = first.map((reward, index) => reward - second[index]!);
  switch (metric) {
    case "reward_mean":
    case "tail_reward":
      return bootstrap95(differences, random, draws);
    case "harm_rate": {
      const harmful = (reward: number): number => (reward < settings.harmThreshold ? 1 : 0);
      return bootstrap95(
        first.map((reward, index) => harmful(reward) - harmful(second[index]!)),
        random,
        draws,
      );
    }
    case "cvar_0.1":
      return cvarInterval(first, second, random);
  }
}

/** CVaR is no mean over prompts: both arms' are taken anew from every resample. */
function cvarInterval(a: Float64Array, b: Float64Array, random: Random): Interval | null {
  const count = a.length;
  if (count === 1) {
    return null;
  }
  const resampledA = new Float64Array(count);
  const resampledB = new Float64Array(count);
  const differences = Float64Array.from({ length: draws }, () => {
    for (let taken = 0; taken < count; taken += 1) {
      const index = Math.floor(random() * count);
      resampledA[taken] = a[index]!;
      resampledB[taken] = b[index]!;
    }
    return (
      conditionalValueAtRisk(resampledA, metricAlpha) -
      conditionalValueAtRisk(resampledB, metricAlpha)
    );
  });
  return [quantile(differences, 0.025), quantile(differences, 0.975)];
}

function tailOf({ arrays }: EvaluatedEvent, settings: MetricSettings): ReadonlySet<number> {
  const scores = arrays.prompt_score.map((score) => score ?? Number.NaN);
  return new Set(tailPrompts(scores, settings.tailQuantile));
}
