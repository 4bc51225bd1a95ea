/** Which checkpoints of a trial are kept. */
import type { Experiment } from "../config/schema/experiment.js";

export interface Retention {
  /** The newest so many; 0: all. */
  readonly last: number;
  /** And the best by this figure of the evaluations taken at a checkpoint's step; null: none. */
  readonly best: Experiment["checkpoint"]["keep_best"];
}

/** −1: less is better. */
const direction: Readonly<Record<NonNullable<Retention["best"]>, 1 | -1>> = {
  reward_mean: 1,
  tail_reward: 1,
  "cvar_0.1": 1,
  harm_rate: -1,
  judge_reward: 1,
  judge_tail: 1,
  perplexity: -1,
  dist_1: 1,
  dist_2: 1,
  dist_3: 1,
  length_mean: 1,
  kl_mean: -1,
  reward_gain: 1,
};

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
  const champion = best === null ? null : bestOf(points, direction[best]);
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
