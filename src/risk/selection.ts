import { requireFinite, requireInteger } from "../stats/checks.js";

/**
 * Indices of the `count` lowest values: exactly so many, ascending by value, ties by index, so
 * that runs repeat. (The reference implementation keeps every episode ≤ the quantile, and so
 * more than requested where values tie.)
 *
 * Finds the threshold with the typed array's own sort and compares indices only among the chosen:
 * for 1,024 episodes well under a millisecond.
 *
 * @param statistic one value per episode, low is bad
 * @param count a whole number in [0, statistic.length]
 * @throws {RangeError} when count is out of range or statistic holds NaN or ±∞
 */
export function worst(statistic: ArrayLike<number>, count: number): Uint32Array {
  requireInteger(count, "count", 0, statistic.length);
  requireFinite(statistic, "statistic");
  if (count === 0) {
    return new Uint32Array(0);
  }
  const threshold = new Float64Array(statistic).sort()[count - 1]!;
  const chosen = new Uint32Array(count);
  let taken = 0;
  for (let index = 0; index < statistic.length; index += 1) {
    if (statistic[index]! < threshold) {
      chosen[taken] = index;
      taken += 1;
    }
  }
  for (let index = 0; taken < count; index += 1) {
    if (statistic[index] === threshold) {
      chosen[taken] = index;
      taken += 1;
    }
  }
  return chosen.sort((a, b) => statistic[a]! - statistic[b]! || a - b);
}
