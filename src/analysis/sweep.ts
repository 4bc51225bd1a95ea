/** What evaluation.json says of a sweep: its points, and which of them no other one beats. */
import type { ArmConfig, Experiment } from "../config/schema/experiment.js";
import type { SweepPoint } from "../config/schema/sweep.js";
import { curveDifferences, neutralCurve } from "./equal-kl/curve-differences.js";
import { evaluatedPolicies } from "./equal-kl/run-policies.js";
import type { Evaluation } from "./evaluation.js";
import type { RunFigures } from "./trial-figures.js";

/** @returns undefined: the run is no sweep */
export function sweepFigures(
  experiment: Experiment,
  arms: Evaluation["arms"],
  figures: RunFigures,
): Evaluation["sweep"] {
  const { sweep, arms: configs } = experiment;
  if (sweep.points.length === 0) return undefined;
  const policies = evaluatedPolicies(experiment, figures);
  const neutral = neutralCurve(policies);
  const keys = Object.keys(sweep.grid);
  const alternatives = Object.fromEntries(
    Object.entries(arms).filter(([arm]) => isAlternative(configs[arm]?.stage)),
  );
  return {
    keys,
    points: [...sweep.points],
    equal_kl: neutral === null ? [] : curveDifferences(policies, neutral),
    pareto: paretoFront(alternatives),
  };
}

/** What is weighed against each other: not the start that all have in common. */
export function isAlternative(stage: ArmConfig["stage"] | undefined): boolean {
  return stage === "rl" || stage === "decode";
}

/**
 * Arms whose tail reward no other arm reaches at the same KL or less, by their final policies' means
 * over seeds; ascending in KL. Equals are on it together.
 */
export function paretoFront(arms: Evaluation["arms"]): string[] {
  const points = Object.entries(arms).flatMap(([arm, { metrics }]) => {
    const [tail, kl] = [metrics.tail_reward, metrics.kl_mean];
    return tail === undefined || kl === undefined ? [] : [{ arm, tail: tail.mean, kl: kl.mean }];
  });
  return points
    .filter(
      (own) =>
        !points.some(
          ({ tail, kl }) => tail >= own.tail && kl <= own.kl && (tail > own.tail || kl < own.kl),
        ),
    )
    .sort((a, b) => a.kl - b.kl || b.tail - a.tail)
    .map(({ arm }) => arm);
}

/**
 * Whether two arms of a sweep are at the same point but for what sets them apart: every key that
 * changes both has one value. An arm that is no point matches all.
 */
export function atMatchingPoints(points: readonly SweepPoint[], a: string, b: string): boolean {
  const [one, other] = [a, b].map((arm) => points.find((point) => point.arm === arm)?.values);
  return Object.entries(one ?? {}).every(
    ([key, value]) =>
      other === undefined ||
      !Object.hasOwn(other, key) ||
      JSON.stringify(other[key]) === JSON.stringify(value),
  );
}
