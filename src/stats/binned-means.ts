import { requireFinite, requireInteger, requireSameLength } from "./checks.js";

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
  requireInteger(bins, "bins", 1);
  requireSameLength(x, "x", y, "y");
  requireFinite(x, "x");
  requireFinite(y, "y");
  const order = Uint32Array.from(x, (_, index) => index).sort((a, b) => x[a]! - x[b]! || a - b);
  const filled = Math.min(bins, order.length);
  return Array.from({ length: filled }, (_, bin) => {
    const from = Math.floor((bin * order.length) / filled);
    const to = Math.floor(((bin + 1) * order.length) / filled);
    const members = order.subarray(from, to);
    const meanOf = (values: ArrayLike<number>): number =>
      members.reduce((sum, index) => sum + values[index]!, 0) / members.length;
    return {
      quantile: (from + to) / 2 / order.length,
      x: meanOf(x),
      y: meanOf(y),
      count: members.length,
    };
  });
}
