/**
 * Means over seeds and prompts, and what they are worth. Own sums, not d3-array's: theirs skip what
 * is no number where it must be refused, and their variance (Welford) rounds otherwise than the
 * figures on record.
 */

import { requireFinite, requireInteger, requireSome } from "./checks.js";
import { quantile } from "./quantile.js";
import type { Random } from "./random.js";
import { studentT975, studentTCentral } from "./student-t.js";

/** Lower and upper end. */
export type Interval = [low: number, high: number];

/** @throws {RangeError} when values is empty or holds NaN or ±∞ */
export function mean(values: ArrayLike<number>): number {
  requireSome(values, "values");
  requireFinite(values, "values");
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) {
    sum += values[index]!;
  }
  return sum / values.length;
}

/**
 * Standard deviation of a sample (divisor n − 1); null for a single value.
 *
 * @throws {RangeError} when values is empty or holds NaN or ±∞
 */
export function sd(values: ArrayLike<number>): number | null {
  const centre = mean(values);
  if (values.length === 1) {
    return null;
  }
  let squares = 0;
  for (let index = 0; index < values.length; index += 1) {
    squares += (values[index]! - centre) ** 2;
  }
  return Math.sqrt(squares / (values.length - 1));
}

/**
 * 95 % interval of the mean, mean ± t·sd/√n with Student's t; null for a single value.
 *
 * @throws {RangeError} when values is empty or holds NaN or ±∞
 */
export function confidence95(values: ArrayLike<number>): Interval | null {
  return meanInterval(values, 0.95);
}

/**
 * As {@link confidence95}, of another probability.
 *
 * @param probability in (0, 1)
 */
export function meanInterval(values: ArrayLike<number>, probability: number): Interval | null {
  const centre = mean(values);
  const spread = sd(values);
  if (spread === null) {
    return null;
  }
  const degrees = values.length - 1;
  const t = probability === 0.95 ? studentT975(degrees) : studentTCentral(probability, degrees);
  const half = (t * spread) / Math.sqrt(values.length);
  return [centre - half, centre + half];
}

/**
 * 95 % interval of a statistic by the percentile bootstrap; null for a single value.
 *
 * @param count of the values that are drawn from, ≥ 1
 * @param statistic of a resample, given as the values' indices; the array is used again
 * @param draws number of resamples, ≥ 1
 * @throws {RangeError} when count or draws is out of range, or the statistic is NaN or ±∞
 */
export function bootstrap95(
  count: number,
  statistic: (resample: Uint32Array) => number,
  random: Random,
  draws = 2000,
): Interval | null {
  requireInteger(count, "count", 1);
  requireInteger(draws, "draws", 1);
  if (count === 1) {
    return null;
  }
  const resample = new Uint32Array(count);
  const values = Float64Array.from({ length: draws }, () => {
    for (let taken = 0; taken < count; taken += 1) {
      resample[taken] = Math.floor(random() * count);
    }
    return statistic(resample);
  });
  return [quantile(values, 0.025), quantile(values, 0.975)];
}
