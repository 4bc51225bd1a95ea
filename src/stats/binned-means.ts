import { requireFinite, requireInteger, requireSameLength } from "./checks.js";
import { ascendingOrder } from "./order.js";

export interface BinnedMean {
  /** Middle of the bin as a quantile of x, in (0, 1). */
  readonly quantile: number;
  /** Mean x of the bin. */
  readonly x: number;
  /** Mean y of the bin. */
  readonly y: number;
  readonly count: number;
}

/**
 * Mean y by quantile of x, lowest x first: the curve of reward against prompt-score quantile.
 * Bins hold equally many values, to within one; ties in x go by index. Fewer values than bins
 * give one bin a value.
 *
 * @param bins a whole number ≥ 1
 * @throws {RangeError} when lengths differ or a value is not finite
 */
export function binnedMeans(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  bins: number,
): BinnedMean[] {
  requireSameLength(x, "x", y, "y");
  requireFinite(y, "y");
  return meansOfBins(quantileBins(x, bins), x, y);
}

/**
 * The bins of {@link binnedMeans}, lowest x first, as indices: for several y of one x, which is
 * sorted but once.
 *
 * @param bins a whole number ≥ 1
 * @throws {RangeError} when a value is not finite
 */
export function quantileBins(x: ArrayLike<number>, bins: number): Uint32Array[] {
  requireInteger(bins, "bins", 1);
  requireFinite(x, "x");
  const order = ascendingOrder(x);
  const filled = Math.min(bins, order.length);
  return Array.from({ length: filled }, (_, bin) =>
    order.subarray(
      Math.floor((bin * order.length) / filled),
      Math.floor(((bin + 1) * order.length) / filled),
    ),
  );
}

/** @param bins of x */
export function meansOfBins(
  bins: readonly Uint32Array[],
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): BinnedMean[] {
  let from = 0;
  return bins.map((members) => {
    const to = from + members.length;
    const meanOf = (values: ArrayLike<number>): number =>
      members.reduce((sum, index) => sum + values[index]!, 0) / members.length;
    const mean = { x: meanOf(x), y: meanOf(y), count: members.length };
    const quantile = (from + to) / 2 / x.length;
    from = to;
    return { quantile, ...mean };
  });
}
