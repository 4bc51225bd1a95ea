/**
 * Bootstrap of CVaR over units: whole prompts (or rows) are drawn with replacement, and
 * the tail is taken anew from each draw. Fast enough for every pair of arms, since a draw is a count
 * per unit and the scores are sorted once.
 */
import { tailCount, valueAtRiskOfSorted } from "../risk/tail.js";
import { ascendingOrder } from "../stats/order.js";
import type { Random } from "../stats/random.js";
import type { ArmScores } from "./scores.js";

/** With more units CVaR's intervals are Student's t on its influence function: there they agree. */
export const bootstrapUnits = 5000;
export const bootstrapDraws = 2000;
/** Fixed: an audit is a function of its files. */
export const bootstrapSeed = 0;

/** An arm's scores in the order of their size, with the unit of each. */
interface DrawnArm {
  readonly scores: Float64Array;
  readonly units: Int32Array;
  /** Scores of each unit. */
  readonly sizes: Int32Array;
}

/**
 * Draws of every arm's CVaR at each of `alphas`: all arms are resampled with the same draw of units,
 * so that their differences are paired.
 *
 * @param arms whose units are the same set
 * @param alphas ascending
 * @returns by arm, then by α: `draws` values
 */
export function cvarDraws(
  arms: readonly ArmScores[],
  alphas: readonly number[],
  random: Random,
  draws: number,
): Float64Array[][] {
  const places = unitPlaces(arms[0]!);
  const sorted = arms.map((arm) => drawnArm(arm, places));
  const count = places.size;
  const drawn = new Int32Array(count);
  const results = arms.map(() => alphas.map(() => new Float64Array(draws)));
  for (let draw = 0; draw < draws; draw += 1) {
    drawn.fill(0);
    for (let taken = 0; taken < count; taken += 1) drawn[Math.floor(random() * count)]! += 1;
    sorted.forEach((arm, at) => {
      takeTails(arm, drawn, alphas, results[at]!, draw);
    });
  }
  return results;
}

/**
 * Units with a score in the tail, ⌈αn⌉ lowest scores: of so few independent values a tail's mean is
 * made, and its spread known.
 */
export function tailUnits({ scores, units, sorted }: ArmScores, alpha: number): number {
  const quantile = valueAtRiskOfSorted(sorted, alpha);
  const found = new Set<number>();
  for (let at = 0; at < scores.length; at += 1) {
    if (scores[at]! <= quantile) found.add(units[at]!);
  }
  // Ties with the quantile may be more than the tail has rows.
  return Math.min(found.size, tailCount(scores.length, alpha));
}

function unitPlaces({ units }: ArmScores): ReadonlyMap<number, number> {
  const places = new Map<number, number>();
  for (const unit of units) if (!places.has(unit)) places.set(unit, places.size);
  return places;
}

function drawnArm({ scores, units }: ArmScores, places: ReadonlyMap<number, number>): DrawnArm {
  const order = ascendingOrder(scores);
  const sizes = new Int32Array(places.size);
  for (const unit of units) sizes[places.get(unit)!]! += 1;
  return {
    scores: Float64Array.from(order, (at) => scores[at]!),
    units: Int32Array.from(order, (at) => places.get(units[at]!)!),
    sizes,
  };
}

/** Means of the ⌈αn⌉ lowest of the drawn scores, all α in one walk from the lowest up. */
function takeTails(
  { scores, units, sizes }: DrawnArm,
  drawn: Int32Array,
  alphas: readonly number[],
  results: readonly Float64Array[],
  draw: number,
): void {
  let total = 0;
  for (let unit = 0; unit < sizes.length; unit += 1) total += sizes[unit]! * drawn[unit]!;
  let taken = 0;
  let sum = 0;
  let at = 0;
  for (let which = 0; which < alphas.length; which += 1) {
    const wanted = tailCount(total, alphas[which]!);
    while (taken + drawn[units[at]!]! < wanted) {
      taken += drawn[units[at]!]!;
      sum += drawn[units[at]!]! * scores[at]!;
      at += 1;
    }
    results[which]![draw] = (sum + (wanted - taken) * scores[at]!) / wanted;
  }
}
