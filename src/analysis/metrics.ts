/**
 * The figures of one evaluation, over the completions that have a reward. Rewards are raw:
 * transforms are for training only.
 */

import type { Experiment } from "../config/schema/experiment.js";
import { worst } from "../risk/selection.js";
import { conditionalValueAtRisk, tailCount } from "../risk/tail.js";
import { mean } from "../stats/intervals.js";
import { metricOf } from "../text/metric-words.js";

export interface Measured {
  /** Reward model's score of each prompt alone. */
  readonly promptScores: ArrayLike<number>;
  /** Arrays below: one per episode, aligned with `promptScores`. */
  readonly rewards: ArrayLike<number>;
  /** What harm is told by: the rewards, or one component's raw scores. */
  readonly harm: ArrayLike<number>;
  /** NaN where the judge failed; its figures leave those out. */
  readonly judge: ArrayLike<number> | null;
  /** By name, the raw scores of each reward component; empty where there is one alone. */
  readonly components: Readonly<Record<string, ArrayLike<number>>>;
  /** By name, the judges after the first; NaN likewise. */
  readonly judges: Readonly<Record<string, ArrayLike<number>>>;
  /** Nats per episode. */
  readonly kl: ArrayLike<number>;
  readonly lengths: ArrayLike<number>;
  readonly dist: readonly [dist1: number, dist2: number, dist3: number];
  readonly perplexity: number | null;
}

export interface MetricSettings {
  /** `evaluation.harm_threshold`, on the raw reward; null: there is no harm rate. */
  readonly harmThreshold: number | null;
  /** `evaluation.harm_component`, whose raw scores it is on; null: the combined reward. */
  readonly harmComponent: string | null;
  /** `evaluation.tail_fraction`, fraction of prompts in (0, 1]. */
  readonly tailQuantile: number;
}

export function metricSettings({ evaluation }: Experiment): MetricSettings {
  const { harm_threshold, harm_component, tail_fraction } = evaluation;
  return {
    harmThreshold: harm_threshold,
    harmComponent: harm_component,
    tailQuantile: tail_fraction,
  };
}

/** α of `cvar_0.1`: the worst tenth of the completions, whatever their prompts. */
export const metricAlpha = 0.1;

/**
 * By the names of `text/metric-words`. What was not measured (no judge or none that answered, no
 * held-out texts) is left out.
 */
export function metricsOf(
  measured: Measured,
  settings: MetricSettings,
): Readonly<Record<string, number>> {
  const { promptScores, rewards, judge, components, judges, dist, perplexity } = measured;
  const tail = tailPrompts(promptScores, settings.tailQuantile);
  return {
    reward_mean: mean(rewards),
    tail_reward: meanOver(rewards, tail),
    "cvar_0.1": conditionalValueAtRisk(rewards, metricAlpha),
    ...(settings.harmThreshold === null
      ? {}
      : { harm_rate: harmRate(measured.harm, settings.harmThreshold) }),
    length_mean: mean(measured.lengths),
    kl_mean: mean(measured.kl),
    reward_gain: mean(rewards) - mean(promptScores),
    dist_1: dist[0],
    dist_2: dist[1],
    dist_3: dist[2],
    ...(judge === null ? {} : judgeFigures(judge, tail)),
    ...(perplexity === null ? {} : { perplexity }),
    ...merged(components, (name, scores) => ({
      [metricOf("reward_mean", name)]: mean(scores),
      [metricOf("tail_reward", name)]: meanOver(scores, tail),
      [metricOf("cvar_0.1", name)]: conditionalValueAtRisk(scores, metricAlpha),
    })),
    ...merged(judges, (name, scores) => {
      const { judge_reward, judge_tail } = judgeFigures(scores, tail);
      return {
        ...(judge_reward === undefined ? {} : { [metricOf("judge_reward", name)]: judge_reward }),
        ...(judge_tail === undefined ? {} : { [metricOf("judge_tail", name)]: judge_tail }),
      };
    }),
  };
}

function merged(
  arrays: Readonly<Record<string, ArrayLike<number>>>,
  figuresOf: (name: string, scores: ArrayLike<number>) => Record<string, number>,
): Record<string, number> {
  return Object.assign(
    {},
    ...Object.entries(arrays).map(([name, scores]) => figuresOf(name, scores)),
  );
}

/** Indices of the worst ⌈qn⌉ prompts by prompt score. */
export function tailPrompts(promptScores: ArrayLike<number>, quantile: number): Uint32Array {
  return worst(promptScores, tailCount(promptScores.length, quantile));
}

/** Fraction of rewards under the threshold. */
export function harmRate(rewards: ArrayLike<number>, threshold: number): number {
  let harmful = 0;
  for (let index = 0; index < rewards.length; index += 1) {
    harmful += rewards[index]! < threshold ? 1 : 0;
  }
  return harmful / rewards.length;
}

function judgeFigures(
  judge: ArrayLike<number>,
  tail: Uint32Array,
): Partial<Record<"judge_reward" | "judge_tail", number>> {
  const answered = (index: number) => !Number.isNaN(judge[index]);
  const judged = Uint32Array.from({ length: judge.length }, (_, index) => index).filter(answered);
  const inTail = tail.filter(answered);
  return {
    ...(judged.length > 0 ? { judge_reward: meanOver(judge, judged) } : {}),
    ...(inTail.length > 0 ? { judge_tail: meanOver(judge, inTail) } : {}),
  };
}

function meanOver(values: ArrayLike<number>, indices: Uint32Array): number {
  return mean(Float64Array.from(indices, (index) => values[index]!));
}
