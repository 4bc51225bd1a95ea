/**
 * The lower tail of weighted episodes: VaR and CVaR of the distribution that puts mass w_i/Σw on return
 * i (Rockafellar & Uryasev 2002, "Conditional value-at-risk for general loss distributions"). With
 * importance weights w = natural share / sampled share it estimates the tail under the natural mix of
 * prompts from a batch that was drawn otherwise (Greenberg et al., NeurIPS 2022).
 */
import { requireFinite, requireFraction, requireSameLength, requireSome } from "../stats/checks.js";
import { ascendingOrder } from "../stats/order.js";
import { conditionalValueAtRisk, fractionError, valueAtRisk } from "./tail.js";

export interface WeightedTail {
  /** How much of each episode lies in the tail, in [0, 1]: Σ part·w = α·Σw. */
  readonly parts: Float64Array;
  /** Highest value in the tail. */
  readonly var: number;
  /** Σ part·w·value / (α·Σw). */
  readonly cvar: number;
}

/**
 * The tail is the lowest values with a total weight of α·Σw; the one at its end counts in part, so that
 * the figures do not change where an episode is split into two of half the weight. Of equal values the
 * earlier is the lower. With equal weights and a whole α·B: the ⌈αB⌉ lowest, as in `tail.ts`.
 *
 * @param values low is bad
 * @param weights ≥ 0, not all 0
 * @throws {RangeError} when lengths differ, a number is not finite or out of range, or there is none
 */
export function weightedTail(
  values: ArrayLike<number>,
  weights: ArrayLike<number>,
  alpha: number,
): WeightedTail {
  requireSome(values, "values");
  requireFinite(values, "values");
  requireFraction(alpha, "alpha");
  const total = totalWeight(weights, values.length);
  const order = ascendingOrder(values);
  const parts = new Float64Array(values.length);
  let left = alpha * total;
  let sum = 0;
  let weight = 0;
  let highest = values[order[0]!]!;
  for (const index of order) {
    const own = weights[index]!;
    if (left <= fractionError * total) {
      break;
    }
    if (own > 0) {
      const taken = own <= left + fractionError * total ? own : left;
      parts[index] = taken / own;
      left -= taken;
      weight += taken;
      sum += taken * values[index]!;
      highest = values[index]!;
    }
  }
  // Rounding must not lift a mean over the largest of its terms: CVaR ≤ VaR holds exactly.
  return { parts, var: highest, cvar: Math.min(sum / weight, highest) };
}

/**
 * VaR and CVaR at α: by weight, or of the ⌈αB⌉ lowest where all episodes count alike.
 *
 * @param importance what each value counts; null: all alike
 * @throws {RangeError} as `weightedTail`
 */
export function tailFigures(
  values: ArrayLike<number>,
  alpha: number,
  importance: ArrayLike<number> | null,
): { readonly var: number; readonly cvar: number } {
  if (importance === null) {
    return { var: valueAtRisk(values, alpha), cvar: conditionalValueAtRisk(values, alpha) };
  }
  const { var: quantile, cvar } = weightedTail(values, importance, alpha);
  return { var: quantile, cvar };
}

/**
 * The mean under the natural mix, Σ w·value / Σw.
 *
 * @throws {RangeError} as `weightedTail`
 */
export function weightedMean(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  requireSome(values, "values");
  requireFinite(values, "values");
  const total = totalWeight(weights, values.length);
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) {
    sum += weights[index]! * values[index]!;
  }
  return sum / total;
}

/**
 * (Σw)²/Σw², in [1, n]: so many episodes of weight 1 tell as much of a mean as these (Kish 1965).
 *
 * @param weights ≥ 0, not all 0
 * @throws {RangeError} when a weight is out of range, or all are 0
 */
export function effectiveSampleSize(weights: ArrayLike<number>): number {
  const total = totalWeight(weights, weights.length);
  let squares = 0;
  for (let index = 0; index < weights.length; index += 1) {
    squares += weights[index]! ** 2;
  }
  return total ** 2 / squares;
}

function totalWeight(weights: ArrayLike<number>, count: number): number {
  requireSameLength(weights, "weights", { length: count }, "values");
  requireFinite(weights, "weights");
  let total = 0;
  for (let index = 0; index < count; index += 1) {
    if (weights[index]! < 0) {
      throw new RangeError(`weights[${index}] is ${weights[index]}: a number ≥ 0 is needed`);
    }
    total += weights[index]!;
  }
  if (!(total > 0)) {
    throw new RangeError("every weight is 0: at least one episode must count");
  }
  return total;
}
