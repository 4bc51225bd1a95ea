/** Which checkpoints of a trial are kept. */
import type { Experiment } from "../config/schema/experiment.js";
import { betterSign } from "../text/metric-words.js";

export interface Retention {
  /** The newest so many; 0: all. */
  readonly last: number;
  /** And the best by this figure of the evaluations taken at a checkpoint's step; null: none. */
  readonly best: Experiment["checkpoint"]["keep_best"];
}

export interface Scored {
  /** Figure of the evaluation at its step; null: not evaluated there. */
  readonly score: number | null;
}

/** The points that are no longer kept. @param points oldest first */
export function outdated<Point extends Scored>(
  points: readonly Point[],
  { last, best }: Retention,
): Point[] {
  if (last === 0) {
    return [];
  }
  const kept = new Set<Point>(points.slice(-last));
  const champion = best === null ? null : bestOf(points, betterSign(best));
  return points.filter((point) => !kept.has(point) && point !== champion);
}

/** Of equals the newest. @param sign −1: less is better */
function bestOf<Point extends Scored>(points: readonly Point[], sign: 1 | -1): Point | null {
  return points.reduce<Point | null>(
    (before, point) =>
      point.score !== null && (before === null || sign * point.score >= sign * before.score!)
        ? point
        : before,
    null,
  );
}
