/** What is known of a schedule before its run: when it begins to drop episodes, and where it ends. */
import { annealings } from "./registry.js";
import { plannedAlpha, type RiskSchedule } from "./schedule.js";

export interface Forecast {
  /** α' follows the training: what is told is the soonest, and the fewest. */
  readonly isBound: boolean;
  /** Episodes kept at step 0, and at step M − 1. */
  readonly first: number;
  readonly last: number;
  /** First step that keeps fewer than the first; null: none does. */
  readonly fewerFrom: number | null;
  /** First step that keeps as few as the last. */
  readonly lastFrom: number;
  /** α' of step M − 1. */
  readonly alphaLast: number;
  /** Kept at α, which `last` is over where α is never reached. */
  readonly tail: number;
}

/**
 * @param iterations M
 * @param kept episodes of a batch that an α' keeps
 * @throws {RangeError} as `plannedAlpha`
 */
export function forecast(
  schedule: RiskSchedule,
  iterations: number,
  kept: (alpha: number) => number,
): Forecast {
  const keptAt = (step: number): number => kept(plannedAlpha(schedule, step, iterations));
  const [first, last] = [keptAt(0), keptAt(iterations - 1)];
  return {
    isBound: annealings[schedule.annealing].follows === "signals",
    first,
    last,
    fewerFrom: last === first ? null : firstAtMost(keptAt, first - 1, iterations),
    lastFrom: firstAtMost(keptAt, last, iterations),
    alphaLast: plannedAlpha(schedule, iterations - 1, iterations),
    tail: kept(schedule.alpha),
  };
}

/** A schedule never rises, so halving finds the place among millions of iterations. */
function firstAtMost(keptAt: (step: number) => number, most: number, iterations: number): number {
  let [low, high] = [0, iterations - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    [low, high] = keptAt(middle) <= most ? [low, middle] : [middle + 1, high];
  }
  return low;
}

/** Steps at which a plot of a schedule bends, of those of the run. */
export function cornersOf(schedule: RiskSchedule, iterations: number): number[] {
  return annealings[schedule.annealing]
    .corners(schedule, iterations)
    .filter((step) => step < iterations);
}
