/** The arrays of an update, one number per episode each: all that a worker learns of an iteration. */
import { groupsByPrompt } from "../../analysis/prompt-groups.js";
import type { ArmConfig } from "../../config/schema/experiment.js";
import { batchScale, equalGroups, riskWeighted } from "../../risk/advantages.js";
import { learningTerms } from "../../risk/algorithms.js";
import { inReturn, withRewards } from "../../risk/component-share.js";
import { klLossWeights } from "../../risk/kl-weights.js";
import { componentInForce } from "../../risk/terms.js";
import { mean } from "../../stats/intervals.js";
import type { Random } from "../../stats/random.js";
import type { SelectedEpisodes } from "./select-episodes.js";

export interface LossArrays {
  /** ≥ 0, on the critic's advantages; null: the algorithm has no critic. */
  readonly weights: Float32Array | null;
  /** In place of the trained rewards behind the critic's advantages; null: as rolled out. */
  readonly rewards: Float32Array | null;
  /** Signed, in the critic's place; null: the algorithm has a critic. */
  readonly advantages: Float32Array | null;
  /** ≥ 0, on the KL loss; null: there is none. */
  readonly klWeights: Float32Array | null;
}

export interface WeighedBatch {
  /** R̄, grouped by prompt. */
  readonly returns: Float32Array;
  /** Raw environment reward. */
  readonly rewards: Float32Array;
  /** R, the trained reward, and what each component adds to it: no KL, no discount. */
  readonly trained: Float32Array;
  readonly trainedByComponent: Readonly<Record<string, Float32Array>>;
  /** Generated tokens. */
  readonly lengths: ArrayLike<number>;
  /** What the risk measure makes of them. */
  readonly selected: Pick<SelectedEpisodes, "weights" | "advantages" | "rewards">;
  /** Places of the episodes without a reward. */
  readonly failed: ReadonlySet<number>;
  /** ≥ 0, what each episode counts in a KL loss that all of them carry. */
  readonly klBase: Float64Array;
}

/**
 * @param beta β of this iteration; 0: nobody needs a KL loss
 * @param random this iteration's own stream, which anchors are drawn from
 * @throws {RangeError} when a return of an episode with a reward is not finite, or all weights are 0
 */
export function lossArrays(
  arm: Pick<ArmConfig, "training" | "kl" | "risk">,
  batch: WeighedBatch,
  beta: number,
  random: Random,
): LossArrays {
  const { selected, klBase: base } = batch;
  const { weights } = selected;
  const { advantages, klForm } = learningTerms(arm);
  const klWeights =
    klForm === "loss" && beta > 0
      ? klLossWeights({ base, weights, anchors: arm.kl.anchors, random })
      : null;
  return advantages === null
    ? { weights, rewards: selected.rewards, advantages: null, klWeights }
    : { weights: null, rewards: null, advantages: signedAdvantages(arm, batch), klWeights };
}

/**
 * One signed number per episode. Weights scale the algorithm's advantages, rewards R' go into them,
 * advantages take their place. With `risk.component` the measure has that component alone, and
 * what it makes of it comes λ times to the algorithm's advantages of all the rest, the KL in it:
 * A = alg(others) + λ·alg(component)·w·N/Σw, or λ·A(component).
 */
function signedAdvantages(
  arm: Pick<ArmConfig, "training" | "kl" | "risk">,
  batch: WeighedBatch,
): Float32Array {
  const { returns, trained, lengths, failed, selected } = batch;
  const { training, risk } = arm;
  const { advantages, completions } = learningTerms(arm);
  const discounted = { returns, lengths, gamma: training.gamma };
  const of = (values: Float32Array): Float64Array =>
    advantages!({ returns: values, completions, failed }, training.scale_rewards);
  if (selected.rewards !== null) {
    return Float32Array.from(of(withRewards(discounted, trained, selected.rewards)));
  }
  const risky = (values: Float32Array): Float32Array =>
    selected.advantages ?? riskWeighted(of(values), selected.weights, returns.length - failed.size);
  const component = componentInForce(risk);
  if (component === null || risk.measure === "mean") {
    return risky(returns);
  }
  const own = inReturn(batch.trainedByComponent[component]!, discounted);
  const tail = risky(own);
  const others = of(returns.map((value, episode) => value - own[episode]!));
  return tail.map((value, episode) => risk.component_weight * value + others[episode]!);
}

/**
 * What the KL loss is multiplied by. In units of the reward it is divided as the advantages are: here
 * by grpo's deviation of the batch. A critic's advantages are whitened by the worker, which divides
 * the coefficient itself; all others are in units of the reward.
 *
 * @param beta β of this iteration
 */
export function klCoefficient(
  { training, kl }: Pick<ArmConfig, "training" | "kl">,
  { returns, trained, lengths, failed, selected }: WeighedBatch,
  beta: number,
): number {
  const divided =
    training.algorithm === "grpo" &&
    training.scale_rewards === "batch" &&
    selected.advantages === null;
  if (kl.unit === "advantage" || !divided) {
    return beta;
  }
  const { gamma } = training;
  const values =
    selected.rewards === null
      ? returns
      : withRewards({ returns, lengths, gamma }, trained, selected.rewards);
  return beta / batchScale({ returns: values, failed });
}

/** Whether the update has anything to learn from; a worker refuses one that has not. */
export function teaches({
  weights,
  advantages,
  klWeights,
}: Pick<LossArrays, "weights" | "advantages" | "klWeights">): boolean {
  return [weights, advantages, klWeights].some((array) => array?.some((value) => value !== 0));
}

export interface PromptGroups {
  /** Prompts of the iteration. */
  readonly prompts: number;
  /** Episodes per prompt. */
  readonly completions: number;
  /** Prompts whose rewards, or returns, are all equal: they carry no signal but the KL's. */
  readonly equal: number;
  /** Standard deviation of a prompt's returns, mean over prompts; null: no prompt has two. */
  readonly spread: number | null;
}

/** What the journal says of an iteration's groups; null: one completion per prompt. */
export function promptGroups(
  training: ArmConfig["training"],
  { returns, rewards, failed }: Pick<WeighedBatch, "returns" | "rewards" | "failed">,
): PromptGroups | null {
  const { completions } = training;
  if (completions === 1) {
    return null;
  }
  const equal = Math.max(
    equalGroups({ returns: rewards, completions, failed }),
    equalGroups({ returns, completions, failed }),
  );
  const known = Array.from(returns, (value, at) => (failed.has(at) ? null : value));
  const prompt = known.map((_, at) => Math.floor(at / completions));
  const spreads = groupsByPrompt({ prompt, return: known }, completions).flatMap(
    ({ spread }) => spread ?? [],
  );
  return {
    prompts: returns.length / completions,
    completions,
    equal,
    spread: spreads.length === 0 ? null : mean(spreads),
  };
}
