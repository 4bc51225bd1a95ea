/** What a difference between two arms is worth, by the test prompts: resampled, or held one by one. */

import type { EvaluatedEvent } from "../journal/events.js";
import { tailCount } from "../risk/tail.js";
import { probabilityOfImprovement } from "../stats/effect-size.js";
import { hierarchicalBootstrap } from "../stats/hierarchical-bootstrap.js";
import { bootstrap95, type Interval, mean } from "../stats/intervals.js";
import { generator } from "../stats/random.js";
import { type MetricSettings, metricAlpha, tailPrompts } from "./metrics.js";
import { pairedPlaces } from "./paired-rewards.js";

export type ComparedMetric = "tail_reward" | "cvar_0.1" | "harm_rate" | "reward_mean";

const draws = 1000;
/** Fixed: the interval is a function of the journal alone. */
const bootstrapSeed = 0;

/** The final evaluations of one seed of two arms. */
interface FinalPair {
  readonly a: EvaluatedEvent;
  readonly b: EvaluatedEvent;
}

/** Both arms' values at the prompts that count for a metric. */
interface PairedValues {
  /** Their ids, so that seeds can be told to have the same ones. */
  readonly prompts: readonly number[];
  readonly a: Float64Array;
  readonly b: Float64Array;
}

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
  const values = pairedValues({ a, b }, metric, settings);
  if (values === null) {
    return null;
  }
  const statistic = resampled(metric, values.a, values.b, settings);
  return bootstrap95(values.prompts.length, statistic, generator(bootstrapSeed), draws);
}

/**
 * 95 % interval of the mean over seeds of a − b, with the noise of seeds and of prompts. Where all
 * seeds were evaluated on the same prompts, one draw of prompts serves them all. Null with one seed,
 * and where the arms of one were evaluated on different prompts.
 */
export function seedsAndPromptsInterval(
  pairs: readonly FinalPair[],
  metric: ComparedMetric,
  settings: MetricSettings,
): Interval | null {
  const values = pairs.flatMap((pair) => pairedValues(pair, metric, settings) ?? []);
  if (values.length < pairs.length) {
    return null;
  }
  const statistics = values.map(({ a, b }) => resampled(metric, a, b, settings));
  const [first] = values;
  const shared = values.every(
    ({ prompts }) =>
      prompts.length === first!.prompts.length &&
      prompts.every((id, place) => id === first!.prompts[place]),
  );
  return hierarchicalBootstrap(
    values.map(({ prompts }) => prompts.length),
    (seed, resample) => statistics[seed]!(resample),
    generator(bootstrapSeed),
    { shared, draws },
  );
}

/**
 * Fraction of prompts on which a's reward is above b's, ties half, mean over seeds. Null for metrics
 * that are no mean of rewards over prompts, and where prompts differ.
 */
export function promptImprovement(
  pairs: readonly FinalPair[],
  metric: ComparedMetric,
  settings: MetricSettings,
): number | null {
  if (metric !== "reward_mean" && metric !== "tail_reward") {
    return null;
  }
  const values = pairs.flatMap((pair) => pairedValues(pair, metric, settings) ?? []);
  return values.length < pairs.length
    ? null
    : mean(values.map(({ a, b }) => probabilityOfImprovement(a, b)));
}

function pairedValues(
  { a, b }: FinalPair,
  metric: ComparedMetric,
  settings: MetricSettings,
): PairedValues | null {
  const both = pairedPlaces(a.arrays, b.arrays);
  const tail = metric === "tail_reward" ? tailOf(a, settings) : null;
  const taken = both?.filter((place) => tail === null || tail.has(place)) ?? [];
  if (taken.length === 0) {
    return null;
  }
  const name = metric === "harm_rate" ? settings.harmComponent : null;
  const valuesOf = ({ arrays }: EvaluatedEvent) =>
    (name === null ? undefined : arrays.components?.[name]) ?? arrays.reward;
  return {
    prompts: taken.map((place) => a.arrays.prompt[place]!),
    a: Float64Array.from(taken, (place) => valuesOf(a)[place]!),
    b: Float64Array.from(taken, (place) => valuesOf(b)[place]!),
  };
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
      const [ofA, ofB] = [resampledTail(a), resampledTail(b)];
      return (resample) => ofA(resample) - ofB(resample);
    }
  }
}

/** CVaR of a resample, by how often each value was drawn: sorting once is enough. */
function resampledTail(rewards: Float64Array): (resample: Uint32Array) => number {
  const order = Uint32Array.from(rewards.keys()).sort((x, y) => rewards[x]! - rewards[y]!);
  const times = new Uint32Array(rewards.length);
  const lowest = new Float64Array(tailCount(rewards.length, metricAlpha));
  return (resample) => {
    times.fill(0);
    for (const index of resample) {
      times[index]! += 1;
    }
    let filled = 0;
    for (let rank = 0; filled < lowest.length; rank += 1) {
      const index = order[rank]!;
      const end = Math.min(lowest.length, filled + times[index]!);
      lowest.fill(rewards[index]!, filled, end);
      filled = end;
    }
    return mean(lowest);
  };
}

function meanOf(values: Float64Array): (resample: Uint32Array) => number {
  return (resample) => resample.reduce((sum, index) => sum + values[index]!, 0) / resample.length;
}

function tailOf({ arrays }: EvaluatedEvent, settings: MetricSettings): ReadonlySet<number> {
  const scores = arrays.prompt_score.map((score) => score ?? Number.NaN);
  return new Set(tailPrompts(scores, settings.tailQuantile));
}
