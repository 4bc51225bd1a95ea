/** How large a difference is, on scales that do not depend on the metric's unit. */
import { requireFinite, requireSameLength, requireSome } from "./checks.js";
import { mean, sd } from "./intervals.js";

/**
 * d_z = mean/sd of a − b over pairs (Cohen 1988; Lakens 2013): the paired difference in units of how
 * much it varies from pair to pair. Null for a single pair, and where all pairs differ by the same.
 *
 * @throws {RangeError} when empty, of different length, or holding NaN or ±∞
 */
export function standardisedDifference(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  requireSameLength(a, "a", b, "b");
  const differences = Float64Array.from(a, (value, index) => value - b[index]!);
  const spread = sd(differences);
  return spread === null || spread === 0 ? null : mean(differences) / spread;
}

/**
 * Fraction of pairs with a > b, ties counted half: ½ means no difference. The paired form of
 * P(A > B) (Vargha & Delaney 2000).
 *
 * @throws {RangeError} when empty, of different length, or holding NaN or ±∞
 */
export function probabilityOfImprovement(a: ArrayLike<number>, b: ArrayLike<number>): number {
  requireSome(a, "a");
  requireSameLength(a, "a", b, "b");
  requireFinite(a, "a");
  requireFinite(b, "b");
  let higher = 0;
  for (let index = 0; index < a.length; index += 1) {
    higher += a[index]! > b[index]! ? 1 : a[index]! === b[index]! ? 0.5 : 0;
  }
  return higher / a.length;
}
