import { requireFinite } from "./checks.js";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * y at `x` on the line through the points, in any order: they are sorted on x, and points with
 * the same x count as one with their mean y. Null outside the points' range (never extrapolated)
 * and where there are no points.
 *
 * @throws {RangeError} when x or a coordinate is not finite
 */
export function interpolateAt(points: readonly Point[], x: number): number | null {
  requireFinite([x], "x");
  const curve = merged(points);
  const after = curve.findIndex((point) => point.x >= x);
  const right = curve[after];
  if (right === undefined) {
    return null;
  }
  if (right.x === x) {
    return right.y;
  }
  const left = curve[after - 1];
  if (left === undefined) {
    return null;
  }
  const fraction = (x - left.x) / (right.x - left.x);
  return left.y * (1 - fraction) + right.y * fraction;
}

function merged(points: readonly Point[]): Point[] {
  const groups = new Map<number, number[]>();
  for (const { x, y } of points) {
    requireFinite([x, y], "point");
    const group = groups.get(x);
    if (group === undefined) {
      groups.set(x, [y]);
    } else {
      group.push(y);
    }
  }
  return [...groups]
    .map(([x, ys]) => ({ x, y: ys.reduce((sum, y) => sum + y, 0) / ys.length }))
    .sort((a, b) => a.x - b.x);
}
