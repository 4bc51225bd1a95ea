/**
 * One signed advantage per episode, for algorithms without a critic: what an episode's return is
 * above or below that of others, times the weight that the risk measure gives the episode.
 *
 * An episode whose reward failed has advantage 0 and is in no mean. So has one with nothing to
 * compare it with: it alone of its group has a reward.
 */
import { requireFinite, requireInteger, requireSameLength, requireSome } from "../stats/checks.js";

/** What GRPO divides by: the deviation of the prompt's completions, of the whole batch, nothing. */
export type RewardScale = "group" | "batch" | "none";

/** ε of GRPO's division, as in TRL. */
const epsilon = 1e-4;

export interface Returns {
  /** R̄, one per episode, grouped by prompt; values of failed episodes are not looked at. */
  readonly returns: ArrayLike<number>;
  /** Episodes per prompt, ≥ 1; divides their number. */
  readonly completions: number;
  /** Places of the episodes without a reward. */
  readonly failed: ReadonlySet<number>;
}

/**
 * RLOO: A_i = R̄_i − mean of the prompt's other completions (Kool et al. 2019; Ahmadian et al. 2024,
 * arXiv 2402.14740).
 *
 * @throws {RangeError} when completions do not divide the episodes, or a return is not finite
 */
export function leaveOneOut(input: Returns): Float64Array {
  return advantages(input, input.completions, (returns) => {
    const sum = total(returns);
    return returns.map((one) => one - (sum - one) / (returns.length - 1));
  });
}

/**
 * REINFORCE with the leave-one-out mean of the batch as its baseline (Williams 1992; the baseline of
 * Kool et al. 2019 with one group): A_i = R̄_i − mean of all other episodes.
 *
 * @throws {RangeError} as `leaveOneOut`
 */
export function leaveOneOutOfBatch(input: Returns): Float64Array {
  return leaveOneOut({ ...input, completions: input.returns.length });
}

/**
 * GRPO (Shao et al. 2024, arXiv 2402.03300): A_i = (R̄_i − mean)/(sd + ε) of the prompt's
 * completions, sd with n − 1; `batch` takes the sd of all episodes, `none` divides by nothing
 * (Dr. GRPO, arXiv 2503.20783).
 *
 * @throws {RangeError} as `leaveOneOut`
 */
export function groupRelative(input: Returns, scale: RewardScale): Float64Array {
  const ofBatch = scale === "batch" ? batchScale(input) : null;
  return advantages(input, input.completions, (returns) => {
    const mean = total(returns) / returns.length;
    const divisor = scale === "none" ? 1 : (ofBatch ?? deviation(returns) + epsilon);
    return returns.map((one) => (one - mean) / divisor);
  });
}

/** What GRPO divides by under `batch`: sd of all episodes that have a reward, with n − 1, plus ε. */
export function batchScale(input: Pick<Returns, "returns" | "failed">): number {
  return deviation(scoredOf(input, 0, input.returns.length)) + epsilon;
}

/**
 * RAFT, rejection-sampling fine-tuning (Dong et al. 2023, arXiv 2304.06767): A_i = 1 for the prompt's
 * completion with the highest return, of equal ones the first, and 0 for the others. With one epoch
 * the update's gradient is that of log π of the chosen completions.
 *
 * @throws {RangeError} as `leaveOneOut`
 */
export function bestOfGroup(input: Returns): Float64Array {
  return advantages(input, input.completions, (returns) => {
    const best = returns.indexOf(returns.reduce((most, one) => Math.max(most, one)));
    return returns.map((_, at) => (at === best ? 1 : 0));
  });
}

/** Reward conditioning (Quark): A_i = 1 for every episode that has a reward; its text tells them apart. */
export function everyOne({ returns, failed }: Returns): Float64Array {
  return Float64Array.from(returns, (_, episode) => (failed.has(episode) ? 0 : 1));
}

/**
 * The advantages under a risk measure: A_i·w_i·N/Σw over the N episodes that have a reward, so that
 * the mean over them is the mean weighted by w. With equal weights nothing changes.
 *
 * @param weights ≥ 0, not all 0; 0 where the reward failed
 * @param scored N, the number of episodes that have a reward
 * @throws {RangeError} when lengths differ, a value is not finite, or all weights are 0
 */
export function riskWeighted(
  advantages: Float64Array,
  weights: ArrayLike<number>,
  scored: number,
): Float32Array {
  requireSameLength(advantages, "advantages", weights, "weights");
  requireFinite(weights, "weights");
  const sum = total(Float64Array.from(weights));
  if (!(sum > 0)) {
    throw new RangeError("no episode is kept: every weight is 0");
  }
  return Float32Array.from(
    advantages,
    (advantage, episode) => (advantage * weights[episode]! * scored) / sum,
  );
}

/**
 * Groups that teach nothing: fewer than two of their completions have a reward, or all of those have
 * the same.
 *
 * @throws {RangeError} when completions do not divide the rewards
 */
export function equalGroups(input: Returns): number {
  let equal = 0;
  forEachGroup(input, input.completions, (start, end) => {
    const own = scoredOf(input, start, end);
    equal += own.every((value) => value === own[0]) ? 1 : 0;
  });
  return equal;
}

function advantages(
  input: Returns,
  size: number,
  rule: (returns: Float64Array) => Float64Array,
): Float64Array {
  const all = new Float64Array(input.returns.length);
  forEachGroup(input, size, (start, end) => {
    const own = scoredOf(input, start, end);
    if (own.length < 2) {
      return;
    }
    requireFinite(own, "returns");
    const found = rule(own);
    let next = 0;
    for (let episode = start; episode < end; episode += 1) {
      if (!input.failed.has(episode)) {
        all[episode] = found[next]!;
        next += 1;
      }
    }
  });
  return all;
}

function forEachGroup(
  { returns }: Returns,
  size: number,
  visit: (start: number, end: number) => void,
): void {
  requireSome(returns, "returns");
  requireInteger(size, "completions", 1, returns.length);
  if (returns.length % size !== 0) {
    throw new RangeError(`${returns.length} episodes are not whole groups of ${size} completions`);
  }
  for (let start = 0; start < returns.length; start += size) {
    visit(start, start + size);
  }
}

function scoredOf(
  { returns, failed }: Pick<Returns, "returns" | "failed">,
  start: number,
  end: number,
): Float64Array {
  const values: number[] = [];
  for (let episode = start; episode < end; episode += 1) {
    if (!failed.has(episode)) {
      values.push(returns[episode]!);
    }
  }
  return Float64Array.from(values);
}

function total(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** With n − 1; 0 for fewer than two values. */
function deviation(values: Float64Array): number {
  if (values.length < 2) {
    return 0;
  }
  const mean = total(values) / values.length;
  return Math.sqrt(
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1),
  );
}
