/**
 * Arms compared by their final policies at equal KL. A curve is one seed's final policies over β,
 * joined by straight lines in KL; two arms' difference is that of their curves, mean over the range
 * of KL that all curves of both cover. Along one training run an arm is read while it still improves;
 * here every point is a policy that is done.
 */

import { holm } from "../../stats/holm.js";
import { interpolateAt, type Point } from "../../stats/interpolation.js";
import { mean } from "../../stats/intervals.js";
import { metricOf } from "../../text/metric-words.js";
import type { CurveDifference } from "../evaluation.js";
import { noDifference, seedDifference } from "../seed-difference.js";
import type { CurvePolicy } from "./policy-table.js";

const tested = [
  "tail_reward",
  "cvar_0.05",
  "cvar_0.1",
  "harm_rate",
  "judge_tail",
  "reward_judged_worst",
] as const;

/** Of `metrics` those that are tested, and corrected over; the tail of every judge is one. */
export function testedFigures(metrics: Iterable<string>): string[] {
  const names = [...new Set(metrics)];
  const furtherJudges = names.filter((name) => name.startsWith(metricOf("judge_tail", "")));
  return [...tested.filter((name) => names.includes(name)), ...furtherJudges];
}

/** Levels at which the curves are read, evenly spaced, ends included. */
const levels = 9;

/** The curve that others are held against unless one is named: the first risk-neutral one; null: none is. */
export function neutralCurve(policies: readonly CurvePolicy[]): string | null {
  return policies.find(({ role }) => role === "neutral")?.curve ?? null;
}

/**
 * Every curve but the common start against another one, in every metric that both have. p values of
 * {@link testedFigures} are corrected over all curves and those figures; the other figures are what
 * the difference costs, and are not tested.
 *
 * @param against the curve B
 */
export function curveDifferences(
  policies: readonly CurvePolicy[],
  against: string,
): CurveDifference[] {
  const curves = [
    ...new Set(policies.flatMap(({ curve, role }) => (role === null ? [] : [curve]))),
  ];
  const metrics = [...new Set(policies.flatMap((policy) => Object.keys(policy.metrics)))];
  const found = curves
    .filter((curve) => curve !== against)
    .flatMap((a) =>
      metrics
        .filter((metric) => metric !== "kl_mean")
        .flatMap((metric) => curveDifference(policies, a, against, metric) ?? []),
    );
  const corrected = new Set(testedFigures(metrics));
  const p = holm(found.map((row) => (corrected.has(row.metric) ? row.p : null)));
  return found.map((row, at) => ({ ...row, p_holm: p[at]! }));
}

/** @returns null: one of the two lacks the metric, or they have no seed in common */
function curveDifference(
  policies: readonly CurvePolicy[],
  a: string,
  b: string,
  metric: string,
): Omit<CurveDifference, "p_holm"> | null {
  const [own, other] = [curvesOf(policies, a, metric), curvesOf(policies, b, metric)];
  const seeds = [...own.keys()].filter((seed) => other.has(seed)).sort((x, y) => x - y);
  if (seeds.length === 0) return null;
  const pairs = seeds.map((seed) => ({ a: own.get(seed)!, b: other.get(seed)! }));
  const points = pairs.map(pointOf);
  const isPoint = points.every((point) => point !== null);
  const covered = isPoint
    ? null
    : { a: meanBounds(pairs.map((pair) => pair.a)), b: meanBounds(pairs.map((pair) => pair.b)) };
  const nothing = {
    ...{ a, b, metric, range: null, covered, seeds: seeds.length, per_seed: [] },
    ...noDifference,
  };
  const range = isPoint ? bounds(points) : commonRange(pairs.flatMap((pair) => [pair.a, pair.b]));
  if (range === null) return nothing;
  const read = pairs.map((pair, seed) => {
    const at = isPoint ? [points[seed]!] : levelsOf(range);
    return [readAt(pair.a, at), readAt(pair.b, at)] as const;
  });
  const complete = read.flatMap(([x, y]) => (x === null || y === null ? [] : [{ x, y }]));
  if (complete.length < read.length) return nothing;
  return {
    ...nothing,
    range,
    per_seed: complete.map(({ x, y }) => x - y),
    ...seedDifference(
      complete.map(({ x }) => x),
      complete.map(({ y }) => y),
    ),
  };
}

/** KL at which a seed is read, where one of the two is a single policy; null: both are curves. */
function pointOf({ a, b }: Record<"a" | "b", readonly Point[]>): number | null {
  return b.length === 1 ? b[0]!.x : a.length === 1 ? a[0]!.x : null;
}

/** By seed: KL → figure. */
function curvesOf(
  policies: readonly CurvePolicy[],
  curve: string,
  metric: string,
): ReadonlyMap<number, readonly Point[]> {
  const seeds = new Map<number, Point[]>();
  for (const policy of policies) {
    const [x, y] = [policy.metrics.kl_mean, policy.metrics[metric]];
    if (policy.curve !== curve || x === undefined || y === undefined) continue;
    seeds.set(policy.seed, [...(seeds.get(policy.seed) ?? []), { x, y }]);
  }
  return seeds;
}

/** Of all curves; null: they have none of any width in common. */
export function commonRange(
  curves: readonly (readonly Point[])[],
): [low: number, high: number] | null {
  if (curves.length === 0) return null;
  const ends = curves.map(klBounds);
  const low = Math.max(...ends.map(([least]) => least));
  const high = Math.min(...ends.map(([, most]) => most));
  return low < high ? [low, high] : null;
}

function meanBounds(curves: readonly (readonly Point[])[]): [low: number, high: number] {
  const ends = curves.map(klBounds);
  return [mean(ends.map(([least]) => least)), mean(ends.map(([, most]) => most))];
}

function klBounds(points: readonly Point[]): [low: number, high: number] {
  return bounds(points.map(({ x }) => x));
}

function bounds(values: readonly number[]): [low: number, high: number] {
  return [Math.min(...values), Math.max(...values)];
}

function levelsOf([low, high]: readonly [number, number]): number[] {
  return Array.from({ length: levels }, (_, at) =>
    at === levels - 1 ? high : low + ((high - low) * at) / (levels - 1),
  );
}

/** Mean of the curve over the levels; null: it does not reach them all. */
function readAt(points: readonly Point[], at: readonly number[]): number | null {
  const values = at.map((level) => interpolateAt(points, level));
  return values.every((value) => value !== null) ? mean(values) : null;
}
