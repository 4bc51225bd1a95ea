import { requireSameLength, requireSome } from "./checks.js";
import { type Interval, mean, sd } from "./intervals.js";
import { studentTCentral, studentTOutside } from "./student-t.js";

export interface PairedTTest {
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
 * Student's paired t-test, two-sided. Where all pairs differ by the same number there is no spread
 * to measure against: p is 1 when that number is 0, else 0.
 *
 * @param level of the test, in (0, 1): 1 − level is the interval's probability
 * @throws {RangeError} when empty, of different length, or holding NaN or ±∞
 */
export function pairedTTest(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  level: number,
): PairedTTest {
  requireSome(a, "a");
  requireSameLength(a, "a", b, "b");
  const differences = Float64Array.from(a, (value, index) => value - b[index]!);
  const difference = mean(differences);
  const n = differences.length;
  const spread = sd(differences);
  if (spread === null) {
    return { n, difference, interval: null, p: null };
  }
  const error = spread / Math.sqrt(n);
  const half = studentTCentral(1 - level, n - 1) * error;
  const interval: Interval = [difference - half, difference + half];
  const t = difference === 0 ? 0 : difference / error;
  // Infinite where all pairs differ by the same number.
  return { n, difference, interval, p: Number.isFinite(t) ? studentTOutside(t, n - 1) : 0 };
}
