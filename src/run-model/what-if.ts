/**
 * What another risk measure, or another α, would have kept of a step: the step's returns are ranked
 * again from the journal. Nothing of it reaches the run.
 */
import type { RiskConfig } from "../config/schema/experiment.js";
import {
  type Batch,
  type RiskPosition,
  type SelectedEpisodes,
  selectEpisodes,
} from "../engine/actions/select-episodes.js";
import { scoredEpisodes, taken } from "../engine/episodes.js";
import type { Episodes } from "../journal/events.js";
import { ranksEpisodes, riskMeasures, usesAlpha } from "../risk/measures/registry.js";
import { componentInForce, populationInForce } from "../risk/terms.js";
import { tailFigures, weightedMean } from "../risk/weighted-tail.js";

/** The settings that decide which episodes count, α in force at once. */
export type WhatIfQuestion = RiskConfig;

/** A step as the journal has it. */
export interface PastStep {
  /** m. */
  readonly step: number;
  /** The trial's: random-drop draws from its stream. */
  readonly seed: number;
  readonly episodes: Episodes;
  /** Episodes per prompt. */
  readonly completions: number;
  /** Prompt id → reward model's score of the prompt alone; null: not known here. */
  readonly promptScores: ReadonlyMap<number, number> | null;
}

export interface WhatIf {
  /** Of the returns, at the question's α; at 1 for measures that know no α. */
  readonly var: number;
  readonly cvar: number;
  readonly alpha: number;
  /** Episodes with weight > 0. */
  readonly kept: number;
  /** One per episode. */
  readonly weights: Float32Array;
  /** Places in the batch, lowest return first: kept here but not in the run, and the reverse. */
  readonly added: readonly number[];
  readonly removed: readonly number[];
  /** Kept in both. */
  readonly common: number;
  /** Mean return of what is kept, each episode alike or by its importance weight. */
  readonly tailMean: number;
}

/** Why a question has no answer, in a sentence for the user. */
export interface NoAnswer {
  readonly reason: string;
}

/** Asked with the run's own measure and its α', it gives back the run's own weights. */
export function whatIf(past: PastStep, question: WhatIfQuestion): WhatIf | NoAnswer {
  const { episodes, step, seed } = past;
  const batch = episodes.return.length;
  const failed = new Set(
    [...episodes.return.keys()].filter(
      (at) => episodes.return[at] === null || episodes.reward[at] === null,
    ),
  );
  if (failed.size === batch) {
    return { reason: "no episode of this step has a return" };
  }
  const unknown = notInJournal(question);
  if (unknown !== null) {
    return { reason: unknown };
  }
  const statistic = statisticOf(past, question);
  if ("reason" in statistic) {
    return statistic;
  }
  const returns = filled(episodes.return);
  const alpha = usesAlpha(question.measure) ? question.alpha : 1;
  const arrays = {
    returns,
    lambdaReturns: returns,
    rewards: filled(episodes.reward),
    // No measure that is asked about reads them.
    trained: returns,
    trainedByComponent: {},
    promptScores: statistic.promptScores,
    completions: past.completions,
    importance: episodes.importance === undefined ? null : Float64Array.from(episodes.importance),
  };
  const selected = selection(question, arrays, { step, seed, alpha }, failed);
  if ("reason" in selected) {
    return selected;
  }
  const { weights, kept } = selected;
  const places = scoredEpisodes(batch, failed);
  const { importance } = arrays;
  const ofScored = importance === null ? null : Float64Array.from(places, (at) => importance[at]!);
  const changed = (now: boolean): number[] =>
    [...weights.keys()]
      .filter((at) => weights[at]! > 0 === now && episodes.weight[at]! > 0 !== now)
      .sort((a, b) => returns[a]! - returns[b]! || a - b);
  const tail = [...weights.keys()].filter((at) => weights[at]! > 0);
  const added = changed(true);
  return {
    alpha,
    ...tailFigures(taken(returns, places), alpha, ofScored),
    kept,
    weights,
    added,
    removed: changed(false),
    common: kept - added.length,
    tailMean: weightedMean(
      tail.map((at) => returns[at]!),
      tail.map((at) => importance?.[at] ?? 1),
    ),
  };
}

/** By the engine's own rule, α in force at once. What the measure refuses is returned, not thrown. */
function selection(
  question: WhatIfQuestion,
  batch: Batch,
  place: Pick<RiskPosition, "step" | "seed" | "alpha">,
  failed: ReadonlySet<number>,
): SelectedEpisodes | NoAnswer {
  try {
    return selectEpisodes(question, batch, { ...place, beta: 0, memory: null }, failed);
  } catch (error) {
    if (error instanceof RangeError) {
      return { reason: error.message };
    }
    throw error;
  }
}

/** The journal has raw rewards and returns, neither trained rewards nor what a window remembers. */
function notInJournal(question: WhatIfQuestion): string | null {
  const { measure, component } = question;
  if (riskMeasures[measure].answers === "rewards") {
    return `${measure} keeps every episode and changes the reward: choose another measure`;
  }
  if (componentInForce(question) !== null) {
    return `the journal does not keep what ${component} adds to the trained reward`;
  }
  return populationInForce(question) === "window"
    ? `${measure} goes by what it remembers of the steps before: choose another measure`
    : null;
}

/** The journal has no λ-returns, and prompts' scores only in evaluations. */
function statisticOf(
  { episodes, promptScores }: PastStep,
  { statistic, measure }: WhatIfQuestion,
): { readonly promptScores: Float32Array } | NoAnswer {
  const none = { promptScores: new Float32Array(episodes.prompt.length) };
  if (!ranksEpisodes(measure)) {
    return none;
  }
  if (statistic === "lambda-return") {
    return { reason: "the journal does not keep lambda-returns: choose another statistic" };
  }
  if (statistic !== "prompt-score") {
    return none;
  }
  const scores = episodes.prompt.map((id) => promptScores?.get(id));
  return scores.some((score) => score === undefined || !Number.isFinite(score))
    ? { reason: "the scores of this step's prompts are not known here: choose another statistic" }
    : { promptScores: Float32Array.from(scores as number[]) };
}

/** Failed episodes are never looked at: a 0 in their place serves. */
function filled(values: readonly (number | null)[]): Float32Array {
  return Float32Array.from(values, (value) => value ?? 0);
}
