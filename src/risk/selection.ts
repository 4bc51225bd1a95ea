/** Who is worst of a batch, fast enough for 65,536 episodes. */
import { requireFinite, requireInteger } from "../stats/checks.js";
import { ascendingOrder, nthLowest } from "../stats/order.js";

/**
 * Indices of the `count` lowest values: exactly so many, ascending by value, ties by index, so
 * that runs repeat.
 *
 * @param statistic one value per episode, low is bad
 * @param count a whole number in [0, statistic.length]
 * @throws {RangeError} when count is out of range or statistic holds NaN or ±∞
 */
export function worst(statistic: ArrayLike<number>, count: number): Uint32Array {
  requireInteger(count, "count", 0, statistic.length);
  return ascendingOrder(statistic).slice(0, count);
}

/**
 * As {@link worst}, in the order of the batch: for rules that only ask who is among them.
 *
 * @throws {RangeError} as `worst`
 */
export function lowest(statistic: ArrayLike<number>, count: number): Uint32Array {
  requireInteger(count, "count", 0, statistic.length);
  if (count === 0) {
    requireFinite(statistic, "statistic");
    return new Uint32Array(0);
  }
  const threshold = nthLowest(statistic, count);
  let under = 0;
  for (let index = 0; index < statistic.length; index += 1) {
    under += statistic[index]! < threshold ? 1 : 0;
  }
  const chosen = new Uint32Array(count);
  let ties = count - under;
  let taken = 0;
  for (let index = 0; index < statistic.length; index += 1) {
    const tied = statistic[index] === threshold && ties > 0;
    if (tied || statistic[index]! < threshold) {
      ties -= tied ? 1 : 0;
      chosen[taken] = index;
      taken += 1;
    }
  }
  return chosen;
}

/**
 * How many values are at most the `count`-th lowest one: `count` itself where that stands alone. So
 * many episodes the paper's published code keeps, every one at or under the quantile (`risk.ties:
 * kept`).
 *
 * @param count a whole number in [1, statistic.length]
 * @throws {RangeError} as {@link worst}
 */
export function countWithTies(statistic: ArrayLike<number>, count: number): number {
  const quantile = nthLowest(statistic, count);
  let withTies = 0;
  for (let index = 0; index < statistic.length; index += 1) {
    withTies += statistic[index]! <= quantile ? 1 : 0;
  }
  return withTies;
}
