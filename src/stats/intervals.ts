/** Means over seeds and prompts, and what they are worth. */

import { quantile } from "../risk/tail.js";
import { requireFinite, requireInteger, requireSameLength, requireSome } from "./checks.js";
import type { Random } from "./random.js";
import { studentT975 } from "./student-t.js";

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
  const centre = mean(values);
  const spread = sd(values);
  if (spread === null) {
    return null;
  }
  const half = (studentT975(values.length - 1) * spread) / Math.sqrt(values.length);
  return [centre - half, centre + half];
}

export interface PairedDifference {
  /** Mean of a − b. */
  readonly difference: number;
  /** Student's t over the pairs; null for a single pair. */
  readonly ci95: Interval | null;
}

/**
 * Mean of a − b over pairs (the same seed in both), and its 95 % interval: far narrower than that
 * of two independent means where the arms share their random numbers.
 *
 * @throws {RangeError} when empty, of different length, or holding NaN or ±∞
 */
export function pairedDifference(a: ArrayLike<number>, b: ArrayLike<number>): PairedDifference {
  requireSameLength(a, "a", b, "b");
  requireFinite(a, "a");
  requireFinite(b, "b");
  const differences = Float64Array.from(a, (value, index) => value - b[index]!);
  return { difference: mean(differences), ci95: confidence95(differences) };
}

/**
 * 95 % interval of a mean by the percentile bootstrap; null for a single value.
 *
 * @param differences for instance per test prompt, arm a − arm b
 * @param draws number of resamples, ≥ 1
 * @throws {RangeError} when differences is empty or holds NaN or ±∞
 */
export function bootstrap95(
  differences: ArrayLike<number>,
  random: Random,
  draws = 2000,
): Interval | null {
  requireSome(differences, "differences");
  requireFinite(differences, "differences");
  requireInteger(draws, "draws", 1);
  const count = differences.length;
  if (count === 1) {
    return null;
  }
  const means = new Float64Array(draws);
  for (let draw = 0; draw < draws; draw += 1) {
    let sum = 0;
    for (let taken = 0; taken < count; taken += 1) {
      sum += differences[Math.floor(random() * count)]!;
    }
    means[draw] = sum / count;
  }
  return [quantile(means, 0.025), quantile(means, 0.975)];
}
