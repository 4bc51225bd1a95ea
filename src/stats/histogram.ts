import { bisectRight, extent } from "d3-array";
import { requireFinite, requireInteger } from "./checks.js";

export interface Histogram {
  /** Ascending, one more than there are bins. */
  readonly edges: readonly number[];
  /** Values in [edge i, edge i+1); the last bin holds its upper edge too. */
  readonly counts: readonly number[];
  /** Values under the first edge. */
  readonly below: number;
  /** Values over the last edge. */
  readonly above: number;
}

/**
 * Counts values in bins.
 *
 * @param bins a number of equal bins from the lowest to the highest value (one unit wide about
 *   the value where all are equal, 0 … 1 where there are none), or the edges themselves, strictly
 *   ascending, at least two: for histograms that are to be compared
 * @throws {RangeError} when a value or an edge is not finite, or the bins are not as said
 */
export function histogram(values: ArrayLike<number>, bins: number | readonly number[]): Histogram {
  requireFinite(values, "values");
  const edges = typeof bins === "number" ? equalEdges(values, bins) : checkedEdges(bins);
  const counts = new Array<number>(edges.length - 1).fill(0);
  const first = edges[0]!;
  const last = edges[edges.length - 1]!;
  let below = 0;
  let above = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    if (value < first) {
      below += 1;
    } else if (value > last) {
      above += 1;
    } else {
      counts[binOf(value, edges)]! += 1;
    }
  }
  return { edges, counts, below, above };
}

function equalEdges(values: ArrayLike<number>, bins: number): number[] {
  requireInteger(bins, "bins", 1);
  let [low, high] = extent(Array.from(values)) as [number, number];
  if (values.length === 0) {
    [low, high] = [0, 1];
  } else if (low === high) {
    [low, high] = [low - 0.5, high + 0.5];
  }
  return Array.from({ length: bins + 1 }, (_, index) =>
    index === bins ? high : low + ((high - low) * index) / bins,
  );
}

function checkedEdges(edges: readonly number[]): readonly number[] {
  requireFinite(edges, "edges");
  if (edges.length < 2 || edges.some((edge, index) => index > 0 && edge <= edges[index - 1]!)) {
    throw new RangeError(`edges are ${edges.join(", ")}: at least two, strictly ascending`);
  }
  return edges;
}

/** Last bin whose lower edge is not over the value; the value lies within the edges. */
function binOf(value: number, edges: readonly number[]): number {
  return Math.min(bisectRight(edges, value), edges.length - 1) - 1;
}
