/**
 * The lower tail of a batch of returns: bad is low, and α is the fraction of episodes that counts
 * as the tail. Definitions as in Chaudhary et al., NeurIPS 2024 (arXiv 2501.06911), with the
 * finite batch's rule that the tail is exactly the ⌈αB⌉ lowest.
 */
import { requireFinite, requireFraction, requireInteger, requireSome } from "../stats/checks.js";

/**
 * A fraction is taken as exact to this: 0.07·100 is 7.000000000000001 in floating point and counts
 * as 7. Far above the rounding of any formula here, far below any fraction a user writes.
 */
export const fractionError = 1e-12;

/**
 * ⌈αB⌉, in [1, B].
 *
 * @param batch B, a whole number ≥ 1
 * @param alpha α in (0, 1]
 * @throws {RangeError} when either is out of range
 */
export function tailCount(batch: number, alpha: number): number {
  requireInteger(batch, "batch", 1);
  requireFraction(alpha, "alpha");
  return Math.max(1, Math.ceil(batch * (alpha - fractionError)));
}

/**
 * VaR_α, in the returns' unit: the ⌈αB⌉-th lowest return.
 *
 * @throws {RangeError} when returns is empty or holds NaN or ±∞, or α is not in (0, 1]
 */
export function valueAtRisk(returns: ArrayLike<number>, alpha: number): number {
  return valueAtRiskOfSorted(ascending(returns, "returns"), alpha);
}

/** {@link valueAtRisk} of finite returns that are in ascending order. */
export function valueAtRiskOfSorted(sorted: Float64Array, alpha: number): number {
  return sorted[tailCount(sorted.length, alpha) - 1]!;
}

/**
 * CVaR_α = E[R̄ | R̄ ≤ q_α], in the returns' unit: the mean of the ⌈αB⌉ lowest returns. At α = 1
 * it is the mean. Independent of the episodes' order to the last bit.
 *
 * @throws {RangeError} when returns is empty or holds NaN or ±∞, or α is not in (0, 1]
 */
export function conditionalValueAtRisk(returns: ArrayLike<number>, alpha: number): number {
  return conditionalValueAtRiskOfSorted(ascending(returns, "returns"), alpha);
}

/** {@link conditionalValueAtRisk} of finite returns that are in ascending order. */
export function conditionalValueAtRiskOfSorted(sorted: Float64Array, alpha: number): number {
  const count = tailCount(sorted.length, alpha);
  let sum = 0;
  for (let index = 0; index < count; index += 1) {
    sum += sorted[index]!;
  }
  // Rounding must not lift a mean over the largest of its terms: CVaR ≤ VaR holds exactly.
  return Math.min(sum / count, sorted[count - 1]!);
}

function ascending(values: ArrayLike<number>, what: string): Float64Array {
  requireSome(values, what);
  requireFinite(values, what);
  return new Float64Array(values).sort();
}
