import { quantileSorted } from "d3-array";
import { requireFinite, requireSome } from "./checks.js";

/**
 * The p-quantile with linear interpolation between order statistics (type 7 of Hyndman & Fan
 * 1996, the default of NumPy and R).
 *
 * @param values in any order
 * @param p in [0, 1]
 * @throws {RangeError} when values is empty or holds NaN or ±∞, or p is not in [0, 1]
 */
export function quantile(values: ArrayLike<number>, p: number): number {
  if (!(p >= 0 && p <= 1)) {
    throw new RangeError(`p is ${p}: a probability in [0, 1] is needed`);
  }
  requireSome(values, "values");
  requireFinite(values, "values");
  return quantileSorted([...new Float64Array(values).sort()], p)!;
}
