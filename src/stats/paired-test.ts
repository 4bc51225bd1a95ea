import { requireFinite, requireSameLength, requireSome } from "./checks.js";
import { type Interval, mean, meanInterval, sd } from "./intervals.js";
import { studentTOutside } from "./student-t.js";

export interface PairedTest {
  /** Pairs. */
  readonly n: number;
  /** Mean of a − b. */
  readonly difference: number;
  /** At 1 − level; null for a single pair. */
  readonly interval: Interval | null;
  /** Two-sided, that the mean of a − b is 0; null for a single pair. */
  readonly p: number | null;
}

/**
 * Student's paired t-test, two-sided, and its interval: far narrower than that of two independent
 * means where the pairs share their random numbers. Where all pairs differ by the same number there
 * is no spread to measure against: p is 1 when that number is 0, else 0.
 *
 * @param level of the test, in (0, 1): 1 − level is the interval's probability
 * @throws {RangeError} when empty, of different length, or holding NaN or ±∞
 */
export function pairedTest(a: ArrayLike<number>, b: ArrayLike<number>, level = 0.05): PairedTest {
  requireSome(a, "a");
  requireSameLength(a, "a", b, "b");
  requireFinite(a, "a");
  requireFinite(b, "b");
  const differences = Float64Array.from(a, (value, index) => value - b[index]!);
  const difference = mean(differences);
  const n = differences.length;
  const spread = sd(differences);
  if (spread === null) {
    return { n, difference, interval: null, p: null };
  }
  const t = difference === 0 ? 0 : difference / (spread / Math.sqrt(n));
  return {
    n,
    difference,
    interval: meanInterval(differences, 1 - level),
    // Infinite where all pairs differ by the same number.
    p: Number.isFinite(t) ? studentTOutside(t, n - 1) : 0,
  };
}
