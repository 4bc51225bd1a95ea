/** Standard errors over independent units (rows, or prompts with all their rows). */
import type { Interval } from "../stats/intervals.js";
import { studentT975, studentTOutside } from "../stats/student-t.js";
import type { ArmScores } from "./scores.js";
import { influences, type Statistic } from "./statistic.js";

/** A standard error; null degrees: it is a sum of two that are independent. */
interface SamplingError {
  readonly squared: number;
  /** Of freedom: units − 1; 0: one unit, which says nothing. */
  readonly degrees: number;
}

export interface Judged {
  readonly ci95: Interval | null;
  /** Two-sided, that the figure is 0; null: a single unit. */
  readonly p: number | null;
}

/** Interval of one arm's figure. */
export function armInterval(arm: ArmScores, statistic: Statistic, value: number): Interval | null {
  return judged(value, errorOf(unitTotals([arm], statistic, 1))).ci95;
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
  const totals = unitTotals([a, b], statistic, 1);
  return judged(difference, errorOf(totals));
}

/** The same of arms that share no units: Welch's test. */
export function independentJudgement(
  a: ArmScores,
  b: ArmScores,
  statistic: Statistic,
  difference: number,
): Judged {
  const [first, second] = [a, b].map((arm) => errorOf(unitTotals([arm], statistic, 1)));
  return judged(difference, added(first!, second!));
}

/** Sum of influence/n over each unit's scores; of a second arm subtracted. Only units that are there. */
function unitTotals(arms: readonly ArmScores[], statistic: Statistic, sign: 1 | -1): Float64Array {
  let highest = 0;
  for (const { units } of arms) for (const unit of units) if (unit > highest) highest = unit;
  const totals = new Float64Array(highest + 1);
  const present = new Uint8Array(highest + 1);
  let factor: number = sign;
  for (const { scores, units } of arms) {
    const moved = influences(statistic, scores);
    for (let i = 0; i < moved.length; i += 1) {
      totals[units[i]!]! += (factor * moved[i]!) / moved.length;
      present[units[i]!] = 1;
    }
    factor = -factor;
  }
  return totals.filter((_, unit) => present[unit] === 1);
}

/** Totals sum to 0, so that their squares are their spread. */
function errorOf(totals: Float64Array): SamplingError {
  const units = totals.length;
  let squares = 0;
  for (const total of totals) squares += total * total;
  return { squared: units > 1 ? (squares * units) / (units - 1) : 0, degrees: units - 1 };
}

/** Welch–Satterthwaite; rounded down. */
function added(a: SamplingError, b: SamplingError): SamplingError {
  const squared = a.squared + b.squared;
  if (a.degrees === 0 || b.degrees === 0) return { squared, degrees: 0 };
  if (squared === 0) return { squared, degrees: a.degrees + b.degrees };
  const degrees = squared ** 2 / (a.squared ** 2 / a.degrees + b.squared ** 2 / b.degrees);
  return { squared, degrees: Math.max(1, Math.floor(degrees)) };
}

/** Where nothing varies: p is 1 for a difference of 0 and else 0. */
function judged(value: number, { squared, degrees }: SamplingError): Judged {
  if (degrees === 0) return { ci95: null, p: null };
  const error = Math.sqrt(squared);
  if (error === 0) return { ci95: [value, value], p: value === 0 ? 1 : 0 };
  const half = studentT975(degrees) * error;
  return { ci95: [value - half, value + half], p: studentTOutside(value / error, degrees) };
}
