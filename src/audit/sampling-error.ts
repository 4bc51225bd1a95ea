/** Standard errors over independent units (rows, or prompts with all their rows). */
import { type Interval, sd } from "../stats/intervals.js";
import { studentT975, studentTOutside } from "../stats/student-t.js";
import { type ArmScores, highestUnit, unitCount } from "./scores.js";
import { influences, type Statistic } from "./statistic.js";
import { tailUnits } from "./unit-bootstrap.js";

/** A squared standard error. */
interface SamplingError {
  readonly squared: number;
  /** Of freedom: units − 1; 0: one unit, which says nothing. */
  readonly degrees: number;
  /** The figure and its error are rounding up to here: scores that are all equal have both. */
  readonly rounding: number;
}

/** Of the largest score; sums of a million scores round to less. */
const relativeRounding = 1e-13;

export interface Judged {
  readonly ci95: Interval | null;
  /** Two-sided, that the figure is 0; null: a single unit. */
  readonly p: number | null;
}

/** Interval of one arm's figure. */
export function armInterval(arm: ArmScores, statistic: Statistic, value: number): Interval | null {
  return judged(value, errorOf([arm], statistic, unitCount(arm))).ci95;
}

/**
 * Interval and p of the difference a − b over the units that both have: Student's t on the
 * difference per unit, the paired t-test where each unit is one row.
 *
 * @param a scores of units that b has too, and the other way round
 */
export function pairedJudgement(
  a: ArmScores,
  b: ArmScores,
  statistic: Statistic,
  difference: number,
): Judged {
  return judged(difference, errorOf([a, b], statistic, unitCount(a)));
}

/** The same of arms that share no units: Welch's test. */
export function independentJudgement(
  a: ArmScores,
  b: ArmScores,
  statistic: Statistic,
  difference: number,
): Judged {
  const [first, second] = [a, b].map((arm) => errorOf([arm], statistic, unitCount(arm)));
  return judged(difference, added(first!, second!));
}

/**
 * Of a CVaR, or a difference of two, by its bootstrap draws: Student's t on their standard deviation.
 * Its degrees of freedom are the units in the tail, k, and the variance is widened by (k + 1)/k, since
 * draws from k values vary too little. The draws' own percentiles would not do: in a tail of a few
 * rows no draw can be worse than the sample, and with k of 1 or 2 they miss CVaR more often than not.
 *
 * @param arms one, or the two of a difference: k is of the smaller tail
 */
export function drawsJudgement(
  arms: readonly ArmScores[],
  alpha: number,
  draws: Float64Array,
  value: number,
): Judged {
  const degrees = Math.min(...arms.map((arm) => tailUnits(arm, alpha)));
  const squared = sd(draws)! ** 2 * (1 + 1 / degrees);
  return judged(value, { squared, degrees, rounding: roundingOf(arms, { kind: "cvar", alpha }) });
}

/**
 * Of an arm's figure, or of the difference of two over the same units. Each unit moves it by the sum
 * of its scores' influence/n; these sums add up to 0, so that their squares are their spread.
 */
function errorOf(arms: readonly ArmScores[], statistic: Statistic, units: number): SamplingError {
  const totals = new Float64Array(Math.max(...arms.map((arm) => highestUnit(arm.units))) + 1);
  let sign = 1;
  for (const arm of arms) {
    const moved = influences(statistic, arm);
    const factor = sign / moved.length;
    for (let at = 0; at < moved.length; at += 1) {
      totals[arm.units[at]!]! += factor * moved[at]!;
    }
    sign = -1;
  }
  let squares = 0;
  for (let unit = 0; unit < totals.length; unit += 1) squares += totals[unit]! ** 2;
  return {
    squared: units > 1 ? (squares * units) / (units - 1) : 0,
    degrees: units - 1,
    rounding: roundingOf(arms, statistic),
  };
}

function roundingOf(arms: readonly ArmScores[], statistic: Statistic): number {
  if (statistic.kind === "harm") return relativeRounding;
  const ends = arms.flatMap(({ sorted }) => [Math.abs(sorted[0]!), Math.abs(sorted.at(-1)!)]);
  return relativeRounding * Math.max(...ends);
}

/** Welch–Satterthwaite; rounded down. */
function added(a: SamplingError, b: SamplingError): SamplingError {
  const squared = a.squared + b.squared;
  const rounding = Math.max(a.rounding, b.rounding);
  if (a.degrees === 0 || b.degrees === 0) return { squared, degrees: 0, rounding };
  if (squared === 0) return { squared, degrees: a.degrees + b.degrees, rounding };
  const degrees = squared ** 2 / (a.squared ** 2 / a.degrees + b.squared ** 2 / b.degrees);
  return { squared, degrees: Math.max(1, Math.floor(degrees)), rounding };
}

/** Where nothing varies: p is 1 for a difference of 0 and else 0. */
function judged(value: number, { squared, degrees, rounding }: SamplingError): Judged {
  if (degrees === 0) return { ci95: null, p: null };
  const error = Math.sqrt(squared);
  if (error <= rounding) return { ci95: [value, value], p: Math.abs(value) <= rounding ? 1 : 0 };
  const half = studentT975(degrees) * error;
  return { ci95: [value - half, value + half], p: studentTOutside(value / error, degrees) };
}
