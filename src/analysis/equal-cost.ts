/** Two arms' frontiers read at the same KL, or the same trained tokens, instead of the same iteration. */
import { interpolateAt } from "../stats/interpolation.js";
import { mean } from "../stats/intervals.js";
import type { FrontierPoint } from "./evaluation.js";
import { noDifference, type SeedDifference, seedDifference } from "./seed-difference.js";

/** One seed's curves of two arms. */
export interface CurvePair {
  readonly a: readonly FrontierPoint[];
  readonly b: readonly FrontierPoint[];
}

export interface EqualCost extends SeedDifference {
  /** The largest cost that every curve reaches; null: there is none above 0. */
  readonly where: number | null;
}

type Cost = "kl" | "compute";
type Gain = "tail_reward" | "reward_mean" | "cvar_0.1" | "harm_rate";

/** Levels at which curves are read between half of the common cost and all of it. */
const klLevels = 9;

/**
 * A − B at equal cost, paired by seed. `where` is the largest cost that all curves of both arms
 * reach, so that every seed is read at the same place and none is extrapolated.
 *
 * At equal trained tokens the curves are read there. At equal KL the difference is averaged over the
 * upper half of the common range, [where/2, where]: KL does not rise evenly, a single reading
 * hangs on one noisy evaluation, and near 0 all arms are one.
 */
export function atEqualCost(pairs: readonly CurvePair[], cost: Cost, gain: Gain): EqualCost {
  const where = commonCost(pairs, cost);
  if (where === null) {
    return { where: null, ...noDifference };
  }
  const levels =
    cost === "compute"
      ? [where]
      : Array.from({ length: klLevels }, (_, i) => (where * (1 + i / (klLevels - 1))) / 2);
  const read = pairs.map(({ a, b }) => ({
    a: readAt(a, cost, gain, levels),
    b: readAt(b, cost, gain, levels),
  }));
  if (read.some(({ a, b }) => a === null || b === null)) {
    return { where, ...noDifference };
  }
  return {
    where,
    ...seedDifference(
      read.map(({ a }) => a!),
      read.map(({ b }) => b!),
    ),
  };
}

/**
 * A − B where B is a single policy and no curve: A's curve is read at B's KL, seed by seed. `where` is
 * the mean of these; nothing is extrapolated.
 */
export function atKlOfPoint(pairs: readonly CurvePair[], gain: Gain): EqualCost {
  const where = pairs.length === 0 ? null : mean(pairs.map(({ b }) => b[0]!.kl));
  const read = pairs.flatMap(({ a, b: [point] }) => {
    const [own, other] = [readAt(a, "kl", gain, [point!.kl]), point![gain]];
    return own === null || other === null ? [] : [{ own, other }];
  });
  if (where === null || read.length < pairs.length) {
    return { where, ...noDifference };
  }
  return {
    where,
    ...seedDifference(
      read.map(({ own }) => own),
      read.map(({ other }) => other),
    ),
  };
}

function commonCost(pairs: readonly CurvePair[], cost: Cost): number | null {
  const reached = pairs
    .flatMap(({ a, b }) => [a, b])
    .map((curve) => Math.max(0, ...curve.map((point) => point[cost])));
  const common = reached.length > 0 ? Math.min(...reached) : 0;
  return common > 0 ? common : null;
}

function readAt(
  curve: readonly FrontierPoint[],
  cost: Cost,
  gain: Gain,
  levels: readonly number[],
): number | null {
  const points = curve.flatMap((point) => {
    const y = point[gain];
    return y === null ? [] : [{ x: point[cost], y }];
  });
  const values = levels.map((level) => interpolateAt(points, level));
  return values.every((value) => value !== null) ? mean(values) : null;
}
