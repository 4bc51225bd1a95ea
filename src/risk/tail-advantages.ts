/**
 * Signed advantages whose expectation with ∇ log π is the gradient of a tail measure: what a return
 * lies under a quantile, and what is common to them.
 */

import { mapped } from "../stats/mapped.js";
import { nthLowest } from "../stats/order.js";

/**
 * A = −(q − R̄)₊/α, the CVaR policy gradient (Tamar, Glassner & Mannor, AAAI 2015, prop. 1): with
 * q the α-quantile, E[A·∇ log π] = ∇ CVaR_α; with any q that is held fixed, ∇ (q − E[(q − R̄)₊]/α).
 */
export function underQuantile(
  returns: ArrayLike<number>,
  quantile: number,
  alpha: number,
): Float64Array {
  return mapped(returns, (value) => -Math.max(0, quantile - value) / alpha);
}

/**
 * CVaR₁ is the mean: A = (R̄ − mean)·B/(B − 1), the leave-one-out baseline; 0 for one episode alone.
 */
export function aboveOthers(returns: ArrayLike<number>): Float64Array {
  const count = returns.length;
  const mean = meanOf(returns);
  const scale = count > 1 ? count / (count - 1) : 0;
  return mapped(returns, (value) => (value - mean) * scale);
}

/** The CVaR gradient of a batch at its own quantile, the `kept`-th lowest return; the mean's where all are kept. */
export function cvarAdvantages(
  returns: ArrayLike<number>,
  kept: number,
  alpha: number,
): Float64Array {
  return kept === returns.length
    ? aboveOthers(returns)
    : underQuantile(returns, nthLowest(returns, kept), alpha);
}

/** Less their mean, a constant baseline: the expected update is the same and varies less. */
export function centred(advantages: Float64Array): Float64Array {
  const mean = meanOf(advantages);
  return mapped(advantages, (value) => value - mean);
}

function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) {
    sum += values[index]!;
  }
  return sum / values.length;
}
