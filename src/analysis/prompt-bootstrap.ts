/** What one seed's difference between two arms is worth, by resampling the test prompts. */

import type { EvaluatedEvent } from "../journal/events.js";
import { conditionalValueAtRisk } from "../risk/tail.js";
import { bootstrap95, type Interval } from "../stats/intervals.js";
import { generator } from "../stats/random.js";
import { type MetricSettings, metricAlpha, tailPrompts } from "./metrics.js";
import { pairedPlaces } from "./paired-rewards.js";

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
  const both = pairedPlaces(a.arrays, b.arrays);
  const tail = metric === "tail_reward" ? tailOf(a, settings) : null;
  const taken = both?.filter((place) => tail === null || tail.has(place)) ?? [];
  if (taken.length === 0) {
    return null;
  }
  const name = metric === "harm_rate" ? settings.harmComponent : null;
  const valuesOf = ({ arrays }: EvaluatedEvent) =>
    (name === null ? undefined : arrays.components?.[name]) ?? arrays.reward;
  const first = Float64Array.from(taken, (place) => valuesOf(a)[place]!);
  const second = Float64Array.from(taken, (place) => valuesOf(b)[place]!);
  const statistic = resampled(metric, first, second, settings);
  return bootstrap95(taken.length, statistic, generator(bootstrapSeed), draws);
}

/** What is taken anew from every resample. */
function resampled(
  metric: ComparedMetric,
  a: Float64Array,
  b: Float64Array,
  settings: MetricSettings,
): (resample: Uint32Array) => number {
  switch (metric) {
    case "reward_mean":
    case "tail_reward":
      return meanOf(a.map((reward, index) => reward - b[index]!));
    case "harm_rate": {
      const threshold = settings.harmThreshold ?? Number.NEGATIVE_INFINITY;
      const harmful = (reward: number): number => (reward < threshold ? 1 : 0);
      return meanOf(a.map((reward, index) => harmful(reward) - harmful(b[index]!)));
    }
    case "cvar_0.1": {
      // CVaR is no mean over prompts: both arms' are taken anew.
      const cvarOf = (rewards: Float64Array, resample: Uint32Array): number =>
        conditionalValueAtRisk(
          Float64Array.from(resample, (index) => rewards[index]!),
          metricAlpha,
        );
      return (resample) => cvarOf(a, resample) - cvarOf(b, resample);
    }
  }
}

function meanOf(values: Float64Array): (resample: Uint32Array) => number {
  return (resample) => resample.reduce((sum, index) => sum + values[index]!, 0) / resample.length;
}

function tailOf({ arrays }: EvaluatedEvent, settings: MetricSettings): ReadonlySet<number> {
  const scores = arrays.prompt_score.map((score) => score ?? Number.NaN);
  return new Set(tailPrompts(scores, settings.tailQuantile));
}
