/** The whole of risk in one pure function: a batch in, one number per episode out. */
import type { RiskConfig } from "../../config/schema/experiment.js";
import { ranksEpisodes, riskMeasures, usesAlpha } from "../../risk/measures/registry.js";
import {
  type EpisodeAdvantages,
  type EpisodeImportance,
  type EpisodeRewards,
  type EpisodeWeights,
  equalWeights,
  type RiskInput,
} from "../../risk/measures/risk-measure.js";
import type { MemoryPart } from "../../risk/memory.js";
import { advantagesWithin, weightsWithin } from "../../risk/populations.js";
import { countWithTies, lowest } from "../../risk/selection.js";
import { tailCount } from "../../risk/tail.js";
import {
  componentInForce,
  populationInForce,
  ranksByStatistic,
  weighsComponent,
} from "../../risk/terms.js";
import { weightedTail } from "../../risk/weighted-tail.js";
import { mapped } from "../../stats/mapped.js";
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
  /** R, the trained reward: no KL, no discount. */
  readonly trained: Float32Array;
  /** What each reward component adds to R, by name. */
  readonly trainedByComponent: Readonly<Record<string, Float32Array>>;
  /** Combined raw reward of each episode's prompt alone; null: the trial does not need it. */
  readonly promptScores: Float32Array | null;
  /** Natural over sampled share of each episode's prompt; null or absent: each counts as one. */
  readonly importance?: Float64Array | null;
  /** Episodes per prompt, which are neighbours. */
  readonly completions: number;
}

/** Where a trial stands when a batch is there. */
export interface RiskPosition {
  /** m. */
  readonly step: number;
  /** The trial's root seed; only random-drop draws from its stream "selection". */
  readonly seed: number;
  /** α' in force; 1 for measures that know no α. */
  readonly alpha: number;
  /** β in force. */
  readonly beta: number;
  /** What the measure returned at the step before. */
  readonly memory: MemoryPart;
}

export interface SelectedEpisodes {
  /** Episodes that the measure leaves something to teach: weight, or advantage, other than 0. */
  readonly kept: number;
  /** ≥ 0: the measure's; 1 or 0 where it gives advantages or rewards. 0 where the reward failed. */
  readonly weights: Float32Array;
  /** Signed, in the place of the algorithm's; null: the measure gives none. */
  readonly advantages: Float32Array | null;
  /** In the place of the trained reward, 0 where it failed; null: that stays. */
  readonly rewards: Float32Array | null;
  /** For the next step. */
  readonly memory: MemoryPart;
  /** For people, by name. */
  readonly figures: Readonly<Record<string, number>>;
}

/**
 * What a batch's episodes count under an arm's risk settings. The population is the episodes that
 * have a reward: with B' of them, ⌈α'B'⌉ are the tail. The others have weight 0 and no rank. With
 * importance weights the tail is the lowest episodes whose weights are α' of all; the one at its end
 * counts in part.
 *
 * @param failed episodes without a reward; their values are not looked at
 * @throws {RangeError} when a value is not finite, α' is no fraction, or all failed
 */
export function selectEpisodes(
  risk: RiskConfig,
  batch: Batch,
  position: RiskPosition,
  failed: ReadonlySet<number> = none,
): SelectedEpisodes {
  const scored = scoredEpisodes(batch.returns.length, failed);
  const input = riskInput(risk, batch, position, scored);
  const answer = answerOf(risk, input);
  const spread = (values: Float32Array): Float32Array => {
    if (scored.length === batch.returns.length) {
      return values;
    }
    const all = new Float32Array(batch.returns.length);
    for (let index = 0; index < scored.length; index += 1) {
      all[scored[index]!] = values[index]!;
    }
    return all;
  };
  const weights = weightsOf(answer, input);
  const rewards =
    "rewards" in answer
      ? jointRewards(risk, batch, scored, input.rewards, answer.rewards)
      : meanRewards(risk, batch, scored, input.rewards);
  return {
    kept: weights.reduce((count, weight) => count + (weight === 0 ? 0 : 1), 0),
    weights: spread(weights),
    advantages: "advantages" in answer ? spread(answer.advantages) : null,
    rewards: rewards === null ? null : spread(rewards),
    memory: answer.memory ?? null,
    figures: answer.figures ?? {},
  };
}

/** Where every advantage is 0 there is nothing to tell episodes apart by: the tail counts alike. */
function weightsOf(
  answer: EpisodeWeights | EpisodeAdvantages | EpisodeRewards,
  { returns, kept }: RiskInput,
): Float32Array {
  if ("weights" in answer) {
    return answer.weights;
  }
  if ("rewards" in answer) {
    return new Float32Array(returns.length).fill(1);
  }
  return answer.advantages.some((value) => value !== 0)
    ? answer.advantages.map((value) => (value === 0 ? 0 : 1))
    : equalWeights(returns.length, lowest(returns, kept)).weights;
}

/** Without a copy where all have a reward: no rule writes to what it is asked. */
function ofScored(values: Float32Array, scored: Uint32Array): Float32Array {
  return scored.length === values.length ? values : taken(values, scored);
}

function riskInput(
  risk: RiskConfig,
  batch: Batch,
  { step, seed, alpha, beta, memory }: RiskPosition,
  scored: Uint32Array,
): RiskInput {
  const component = componentInForce(risk);
  const own = component === null ? null : ofComponent(batch, component);
  const returns = ofScored(own ?? batch.returns, scored);
  const statistic = ofScored(rankingOf(risk, batch), scored);
  const importance = importanceOf(batch, scored, statistic, alpha);
  if (importance !== null && riskMeasures[risk.measure].takesImportance !== true) {
    const { measure } = risk;
    throw new RangeError(`the rule of ${measure} is not defined for episodes of different weight`);
  }
  const asDrawn = usesAlpha(risk.measure) ? tailCount(scored.length, alpha) : scored.length;
  return {
    statistic,
    returns,
    rewards: ofScored(own ?? batch.trained, scored),
    components: Object.values(batch.trainedByComponent).map((values) => ofScored(values, scored)),
    prompt: scored.map((episode) => Math.floor(episode / batch.completions)),
    population: populationInForce(risk),
    alpha,
    kept:
      importance !== null && ranksEpisodes(risk.measure)
        ? importance.tail.filter((part) => part > 0).length
        : risk.ties === "kept"
          ? countWithTies(statistic, asDrawn)
          : asDrawn,
    beta,
    random: generator(streamSeed(seed, "selection", step)),
    settings: risk,
    memory,
    importance,
  };
}

function answerOf(
  { measure }: Pick<RiskConfig, "measure">,
  input: RiskInput,
): EpisodeWeights | EpisodeAdvantages | EpisodeRewards {
  const own = riskMeasures[measure];
  const within = input.population === "prompt";
  switch (own.answers) {
    case "weights":
      return within ? weightsWithin(input, own.weigh) : own.weigh(input);
    case "advantages":
      return within ? advantagesWithin(input, own.advantages) : own.advantages(input);
    case "rewards":
      return own.rewards(input);
  }
}

/** R' = R − component + λ·(what the measure makes of it); of all components together, that alone. */
function jointRewards(
  risk: RiskConfig,
  batch: Batch,
  scored: Uint32Array,
  own: RiskInput["rewards"],
  made: Float32Array,
): Float32Array {
  if (componentInForce(risk) === null) {
    return made;
  }
  const trained = ofScored(batch.trained, scored);
  const weight = weighsComponent(risk) ? risk.component_weight : 1;
  return trained.map((reward, episode) => reward - own[episode]! + weight * made[episode]!);
}

/** The mean of a component that counts λ times what it does in R is the mean of such a reward. */
function meanRewards(
  risk: RiskConfig,
  batch: Batch,
  scored: Uint32Array,
  own: RiskInput["rewards"],
): Float32Array | null {
  const isScaled = componentInForce(risk) !== null && risk.component_weight !== 1;
  return risk.measure === "mean" && isScaled
    ? jointRewards(risk, batch, scored, own, new Float32Array(own))
    : null;
}

function ofComponent({ trainedByComponent }: Batch, name: string): Float32Array {
  const values = trainedByComponent[name];
  if (values === undefined) {
    throw new TrialError(
      "input",
      `risk.component is ${name}, and the worker's reward has ${Object.keys(trainedByComponent).join(", ")}`,
      "risk.component",
    );
  }
  return values;
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
  const weights = mapped(scored, (episode) => importance[episode]!);
  return { weights, tail: weightedTail(statistic, weights, alpha).parts };
}

/**
 * What an arm's risk ranks episodes by, lowest first: what its component adds to the reward, its
 * statistic, or the return where it ranks by nothing.
 */
export function rankingOf(
  risk: Pick<RiskConfig, "measure" | "statistic" | "component">,
  batch: Batch,
): Float32Array {
  const component = componentInForce(risk);
  if (component !== null) {
    return ofComponent(batch, component);
  }
  return ranksByStatistic(risk) ? statisticOf(risk.statistic, batch) : batch.returns;
}

function statisticOf(statistic: RiskConfig["statistic"], batch: Batch): Float32Array {
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
