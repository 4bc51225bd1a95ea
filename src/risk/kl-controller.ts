/** The adaptive weight β of the KL penalty (Ziegler et al. 2019, arXiv 1909.08593). */
import { requireFinite, requireSameLength, requireSome } from "../stats/checks.js";

export interface KlController {
  /** KL that the controller steers towards, nats per episode, > 0. */
  readonly target: number;
  /** K_β ≥ 0: gain; 0 holds β fixed. */
  readonly k_beta: number;
  /** Bound of the relative error, > 0: β changes by at most the factor 1 ± K_β·clip a step. */
  readonly clip: number;
}

/** Whose KL the controller sees. */
export type KlPopulation = "kept" | "batch" | "kept-over-batch";

/**
 * β of the next step: β·(1 + K_β·e), e = clip((KL − target)/target, ±clip). Never negative.
 *
 * @param beta β of this step, ≥ 0
 * @param klMean mean KL of this step, nats per episode
 * @throws {RangeError} when beta or klMean is not finite, or β or a setting is out of range
 */
export function nextBeta(
  beta: number,
  klMean: number,
  { target, k_beta, clip }: KlController,
): number {
  requireFinite([klMean], "klMean");
  if (!(beta >= 0 && beta < Infinity)) {
    throw new RangeError(`beta is ${beta}: a number ≥ 0 is needed`);
  }
  if (!(target > 0 && k_beta >= 0 && clip > 0)) {
    throw new RangeError(
      `target ${target} and clip ${clip} must be over 0, k_beta ${k_beta} not under 0`,
    );
  }
  const error = Math.max(-clip, Math.min(clip, (klMean - target) / target));
  return beta * Math.max(0, 1 + k_beta * error);
}

/**
 * Mean KL of the population that the controller looks at, nats per episode.
 *
 * `kept`: over the episodes with a positive weight, each alike, as the paper describes it.
 * `batch`: over all. `kept-over-batch`: the kept episodes' sum divided by B, as the reference
 * implementation computes it; with k of B kept the controller sees k/B of the KL, a weaker KL penalty
 * on the risk-averse arm.
 *
 * @param kl KL of each episode, nats summed over its tokens
 * @param weights the episodes' weights; 0 is not kept
 * @param importance what each episode counts in the natural mix of prompts; null: all alike
 * @throws {RangeError} when empty, lengths differ, a value is not finite, or none is kept
 */
export function controlledKl(
  kl: ArrayLike<number>,
  weights: ArrayLike<number>,
  population: KlPopulation,
  importance: ArrayLike<number> | null = null,
): number {
  requireSome(kl, "kl");
  requireSameLength(kl, "kl", weights, "weights");
  requireFinite(kl, "kl");
  requireFinite(weights, "weights");
  let sum = 0;
  let kept = 0;
  let all = 0;
  for (let episode = 0; episode < kl.length; episode += 1) {
    const own = importance === null ? 1 : importance[episode]!;
    all += own;
    if (weights[episode]! > 0) {
      kept += own;
    }
    if (population === "batch" || weights[episode]! > 0) {
      sum += own * kl[episode]!;
    }
  }
  if (kept === 0) {
    throw new RangeError("no episode is kept: every weight is 0");
  }
  return sum / (population === "kept" ? kept : all);
}
