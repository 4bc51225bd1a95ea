/** The arrays of an update, one number per episode each: all that a worker learns of an iteration. */
import { groupsByPrompt } from "../../analysis/prompt-groups.js";
import type { ArmConfig } from "../../config/schema/experiment.js";
import { equalGroups, riskWeighted } from "../../risk/advantages.js";
import { learningTerms } from "../../risk/algorithms.js";
import { klLossWeights } from "../../risk/kl-weights.js";
import { mean } from "../../stats/intervals.js";
import type { Random } from "../../stats/random.js";
import { klBase } from "./kl-loss.js";

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
  /** The risk measure's; 0 where the reward failed. */
  readonly weights: Float32Array;
  /** The risk measure's, in place of the trained ones: finite, 0 where the reward failed. */
  readonly replacedRewards: Float32Array | null;
  /** Places of the episodes without a reward. */
  readonly failed: ReadonlySet<number>;
  /** What each episode counts where the natural mix of prompts is wanted. */
  readonly naturalWeights: Float64Array;
}

/**
 * @param beta β of this iteration; 0: nobody needs a KL loss
 * @param random this iteration's own stream, which anchors are drawn from
 * @throws {RangeError} when a return of an episode with a reward is not finite, or all weights are 0
 */
export function lossArrays(
  arm: Pick<ArmConfig, "training" | "kl">,
  { returns, weights, replacedRewards, failed, naturalWeights }: WeighedBatch,
  beta: number,
  random: Random,
): LossArrays {
  const { advantages, completions, klForm } = learningTerms(arm);
  const base = klBase(arm.kl, naturalWeights);
  const klWeights =
    klForm === "loss" && beta > 0
      ? klLossWeights({ base, weights, anchors: arm.kl.anchors, random })
      : null;
  if (advantages === null) {
    return { weights, rewards: replacedRewards, advantages: null, klWeights };
  }
  const plain = advantages({ returns, completions, failed }, arm.training.scale_rewards);
  return {
    weights: null,
    rewards: null,
    advantages: riskWeighted(plain, weights, returns.length - failed.size),
    klWeights,
  };
}

/** Whether the update has anything to learn from; a worker refuses one that has not. */
export function teaches({ weights, advantages, klWeights }: LossArrays): boolean {
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
