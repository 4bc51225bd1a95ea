/** The whole of risk in one pure function: returns in, one weight per episode out. */
import type { RiskConfig } from "../../config/schema/experiment.js";
import { alphaInForce, keptEpisodes, type RiskSchedule } from "../../risk/annealing/schedule.js";
import { ranksEpisodes, riskMeasures, usesAlpha } from "../../risk/measures/registry.js";
import type { EpisodeImportance } from "../../risk/measures/risk-measure.js";
import { weightedTail } from "../../risk/weighted-tail.js";
import { generator, streamSeed } from "../../stats/random.js";
import { scoredEpisodes, taken } from "../episodes.js";
import { TrialError } from "../failure.js";

const none: ReadonlySet<number> = new Set();

export interface Batch {
  /** R̄, KL in. */
  readonly returns: Float32Array;
  /** Null: the worker has no critic. */
  readonly lambdaReturns: Float32Array | null;
  /** Raw environment reward. */
  readonly rewards: Float32Array;
  /** Combined raw reward of each episode's prompt alone; null: the trial does not need it. */
  readonly promptScores: Float32Array | null;
  /** Natural over sampled share of each episode's prompt; null or absent: each counts as one. */
  readonly importance?: Float64Array | null;
}

export interface SelectedEpisodes {
  /** α' in force; 1 for measures that know no α. */
  readonly alpha: number;
  /** Episodes with weight > 0. */
  readonly kept: number;
  readonly weights: Float32Array;
}

/**
 * Weights of a batch at step m of M under an arm's risk settings. The population is the episodes
 * that have a reward: with B' of them, ⌈α'B'⌉ are kept. The others have weight 0 and no rank. With
 * importance weights the tail is the lowest episodes whose weights are α' of all; the one at its end
 * counts in part.
 *
 * @param seed the trial's root seed; only random-drop draws from its stream "selection"
 * @param failed episodes without a reward; their values are not looked at
 * @throws {RangeError} when a value is not finite, the schedule does not fit M, or all failed
 */
export function selectEpisodes(
  risk: RiskConfig,
  batch: Batch,
  step: number,
  iterations: number,
  seed: number,
  failed: ReadonlySet<number> = none,
): SelectedEpisodes {
  const scored = scoredEpisodes(batch.returns.length, failed);
  const returns = taken(batch.returns, scored);
  const { measure, mixture, temperature } = risk;
  const scheduled = usesAlpha(measure);
  const schedule: RiskSchedule = { ...risk, kind: risk.schedule };
  const alpha = scheduled ? alphaInForce(schedule, step, iterations) : 1;
  const statistic = taken(statisticOf(risk.statistic, batch), scored);
  const importance = importanceOf(batch, scored, statistic, alpha);
  const asDrawn = scheduled
    ? keptEpisodes(schedule, step, iterations, returns.length)
    : returns.length;
  const selected = riskMeasures[measure].weigh({
    statistic,
    returns,
    kept:
      importance !== null && ranksEpisodes(measure)
        ? importance.tail.filter((part) => part > 0).length
        : asDrawn,
    random: generator(streamSeed(seed, "selection", step)),
    mixture,
    temperature,
    importance,
  });
  const weights = new Float32Array(batch.returns.length);
  for (const [index, episode] of scored.entries()) {
    weights[episode] = selected.weights[index]!;
  }
  return { alpha, kept: selected.kept, weights };
}

function importanceOf(
  { importance }: Batch,
  scored: Uint32Array,
  statistic: Float32Array,
  alpha: number,
): EpisodeImportance | null {
  if (importance === undefined || importance === null) {
    return null;
  }
  const weights = Float64Array.from(scored, (episode) => importance[episode]!);
  return { weights, tail: weightedTail(statistic, weights, alpha).parts };
}

/** What ranks the episodes, lowest first. */
export function statisticOf(statistic: RiskConfig["statistic"], batch: Batch): Float32Array {
  switch (statistic) {
    case "return":
      return batch.returns;
    case "lambda-return":
      return given(batch.lambdaReturns, statistic);
    case "reward":
      return batch.rewards;
    case "prompt-score":
      return given(batch.promptScores, statistic);
  }
}

function given(values: Float32Array | null, statistic: RiskConfig["statistic"]): Float32Array {
  if (values === null) {
    throw new TrialError(
      "input",
      `risk.statistic is ${statistic}, which this worker does not support; choose another statistic`,
      "risk.statistic",
    );
  }
  return values;
}
