/** Every risk-averse arm against every risk-neutral one and every control, three ways. */
import type { Experiment } from "../config/schema/experiment.js";
import type { Trial } from "../config/trials.js";
import { pairedTest } from "../stats/paired-test.js";
import { riskRole } from "./arm-risk.js";
import { iterationsKey, scaleDifferences, scaleOf } from "./comparability.js";
import { atEqualCost, atKlOfPoint } from "./equal-cost.js";
import type { Comparison } from "./evaluation.js";
import { frontierOf } from "./frontier.js";
import type { MetricSettings } from "./metrics.js";
import { metricSettings } from "./metrics.js";
import { type ComparedMetric, promptInterval } from "./prompt-bootstrap.js";
import type { RunFigures } from "./trial-figures.js";

const comparedMetrics: readonly ComparedMetric[] = [
  "tail_reward",
  "cvar_0.1",
  "harm_rate",
  "reward_mean",
];

/** The same seed of two arms. */
interface SeedPair {
  readonly a: Trial;
  readonly b: Trial;
}

/**
 * A − B for seeds that both arms finished, where their figures are on one scale: at equal iterations (the final evaluations; left out where the arms' iterations differ), at equal
 * trained tokens and at equal KL (the frontiers; null where none were taken). An arm that decodes in
 * its own way trains on no tokens, and is compared at its own KL.
 */
export function comparisons(
  experiment: Experiment,
  trials: readonly Trial[],
  figures: RunFigures,
): Comparison[] {
  const settings = metricSettings(experiment);
  const compared = comparedMetrics.filter(
    (metric) => metric !== "harm_rate" || settings.harmThreshold !== null,
  );
  const arms = Object.entries(experiment.arms);
  const averse = arms.filter(([, arm]) => riskRole(arm) === "averse").map(([name]) => name);
  const others = arms
    .filter(([, arm]) => ["neutral", "control"].includes(riskRole(arm) ?? ""))
    .map(([name]) => name);
  return averse.flatMap((a) =>
    others.flatMap((b) => {
      const pairs = pairsOf(a, b, trials, figures);
      const differ = scaleDifferences(scaleOf(experiment, a), scaleOf(experiment, b));
      if (pairs.length === 0 || differ.some(({ key }) => key !== iterationsKey)) {
        return [];
      }
      return compared.flatMap((metric) => [
        ...(differ.length > 0 ? [] : [atEqualIterations(a, b, metric, pairs, figures, settings)]),
        ...(experiment.arms[b]?.stage === "decode"
          ? [atPointOf(a, b, metric, pairs, figures)]
          : (["compute", "kl"] as const).map((cost) =>
              alongFrontiers(a, b, metric, cost, pairs, figures),
            )),
      ]);
    }),
  );
}

function pairsOf(a: string, b: string, trials: readonly Trial[], figures: RunFigures): SeedPair[] {
  const finished = trials.filter(({ id }) => figures.get(id)?.final);
  return finished.flatMap((trial) => {
    const other = finished.find(({ arm, seed }) => arm === b && seed === trial.seed);
    return trial.arm === a && other !== undefined ? [{ a: trial, b: other }] : [];
  });
}

function atEqualIterations(
  a: string,
  b: string,
  metric: ComparedMetric,
  pairs: readonly SeedPair[],
  figures: RunFigures,
  settings: MetricSettings,
): Comparison {
  const finals = pairs.map((pair) => ({
    a: figures.get(pair.a.id)!.final!,
    b: figures.get(pair.b.id)!.final!,
  }));
  const { difference, interval: ci95 } = pairedTest(
    finals.map((final) => final.a.metrics[metric]!),
    finals.map((final) => final.b.metrics[metric]!),
  );
  const [only] = finals;
  const ci95_prompts =
    finals.length === 1 ? promptInterval(only!.a, only!.b, metric, settings) : null;
  return {
    a,
    b,
    metric,
    at: "equal-iterations",
    where: null,
    difference,
    ci95,
    seeds: pairs.length,
    ci95_prompts,
  };
}

function alongFrontiers(
  a: string,
  b: string,
  metric: ComparedMetric,
  cost: "compute" | "kl",
  pairs: readonly SeedPair[],
  figures: RunFigures,
): Comparison {
  const read = atEqualCost(curvesOf(pairs, figures), cost, metric);
  return { a, b, metric, at: `equal-${cost}`, ...read, seeds: pairs.length, ci95_prompts: null };
}

function atPointOf(
  a: string,
  b: string,
  metric: ComparedMetric,
  pairs: readonly SeedPair[],
  figures: RunFigures,
): Comparison {
  const curves = curvesOf(pairs, figures).filter((pair) => pair.b.length > 0);
  const read =
    curves.length < pairs.length
      ? { where: null, difference: null, ci95: null }
      : atKlOfPoint(curves, metric);
  return { a, b, metric, at: "equal-kl", ...read, seeds: pairs.length, ci95_prompts: null };
}

function curvesOf(pairs: readonly SeedPair[], figures: RunFigures) {
  return pairs.map((pair) => ({
    a: frontierOf(pair.a, figures),
    b: frontierOf(pair.b, figures),
  }));
}
