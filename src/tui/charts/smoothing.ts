/** Curves that are smoothed before they are drawn. */

/** Iterations that a mean goes over, by how often it was asked for; 1: as it is. */
export const smoothingSpans = [1, 10, 50] as const;

const known = new WeakMap<Float64Array, Map<number, Float64Array>>();

/**
 * Exponential moving average over about so many points, unbiased at its start; gaps stay gaps.
 *
 * @param ys a column that is never changed once it is drawn
 */
export function smoothed(ys: Float64Array, span: number): Float64Array {
  if (span <= 1) {
    return ys;
  }
  const columns = known.get(ys) ?? new Map<number, Float64Array>();
  known.set(ys, columns);
  const found = columns.get(span) ?? movingAverage(ys, span);
  columns.set(span, found);
  return found;
}

function movingAverage(ys: Float64Array, span: number): Float64Array {
  const decay = 1 - 2 / (span + 1);
  let [sum, weight] = [0, 0];
  return ys.map((y) => {
    if (!Number.isFinite(y)) {
      return Number.NaN;
    }
    sum = decay * sum + y;
    weight = decay * weight + 1;
    return sum / weight;
  });
}
