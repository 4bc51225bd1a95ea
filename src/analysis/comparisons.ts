/**
 * Every risk-averse arm against every risk-neutral one and every control, three ways. Of a sweep those
 * at matching points: what differs in a key that changes both says nothing of risk aversion.
 */
import type { Experiment } from "../config/schema/experiment.js";
import type { Trial } from "../config/trials.js";
import { holm } from "../stats/holm.js";
import { riskRole } from "./arm-risk.js";
import { iterationsKey, scaleDifferences, scaleOf } from "./comparability.js";
import { atEqualCost, atKlOfPoint } from "./equal-cost.js";
import type { Comparison } from "./evaluation.js";
import { frontierOf } from "./frontier.js";
import type { MetricSettings } from "./metrics.js";
import { metricSettings } from "./metrics.js";
import {
  type ComparedMetric,
  promptImprovement,
  promptInterval,
  seedsAndPromptsInterval,
} from "./prompt-bootstrap.js";
import { noDifference, seedDifference } from "./seed-difference.js";
import { atMatchingPoints } from "./sweep.js";
import type { RunFigures } from "./trial-figures.js";

/** What a difference is tested in, and corrected over. */
export const comparedMetrics: readonly ComparedMetric[] = [
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
  const found = averse.flatMap((a) =>
    others.flatMap((b) => {
      if (!atMatchingPoints(experiment.sweep.points, a, b)) return [];
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
  return corrected(found);
}

/** Comparisons before they are corrected for how many they are. */
type Uncorrected = Omit<Comparison, "p_holm">;

/**
 * Holm's correction over all comparisons of one way: who reads a table of arms and metrics takes the
 * best of all its cells. The ways are families of their own, since they ask different questions.
 */
function corrected(found: readonly Uncorrected[]): Comparison[] {
  const byWay = new Map(
    [...new Set(found.map(({ at }) => at))].map((way) => {
      const rows = found.filter(({ at }) => at === way);
      const p = holm(rows.map((row) => row.p));
      return [way, new Map(rows.map((row, index) => [row, p[index]!]))];
    }),
  );
  return found.map((row) => ({ ...row, p_holm: byWay.get(row.at)!.get(row) ?? null }));
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
): Uncorrected {
  const finals = pairs.map((pair) => ({
    a: figures.get(pair.a.id)!.final!,
    b: figures.get(pair.b.id)!.final!,
  }));
  const [only] = finals;
  return {
    a,
    b,
    metric,
    at: "equal-iterations",
    where: null,
    ...seedDifference(
      finals.map((final) => final.a.metrics[metric]!),
      finals.map((final) => final.b.metrics[metric]!),
    ),
    seeds: pairs.length,
    ci95_prompts: finals.length === 1 ? promptInterval(only!.a, only!.b, metric, settings) : null,
    ci95_hierarchical: seedsAndPromptsInterval(finals, metric, settings),
    probability_of_improvement: promptImprovement(finals, metric, settings),
  };
}

function alongFrontiers(
  a: string,
  b: string,
  metric: ComparedMetric,
  cost: "compute" | "kl",
  pairs: readonly SeedPair[],
  figures: RunFigures,
): Uncorrected {
  const read = atEqualCost(curvesOf(pairs, figures), cost, metric);
  return { a, b, metric, at: `equal-${cost}`, ...read, seeds: pairs.length, ...noPrompts };
}

function atPointOf(
  a: string,
  b: string,
  metric: ComparedMetric,
  pairs: readonly SeedPair[],
  figures: RunFigures,
): Uncorrected {
  const curves = curvesOf(pairs, figures).filter((pair) => pair.b.length > 0);
  const read =
    curves.length < pairs.length ? { where: null, ...noDifference } : atKlOfPoint(curves, metric);
  return { a, b, metric, at: "equal-kl", ...read, seeds: pairs.length, ...noPrompts };
}

/** Of the frontiers no rewards of single prompts are kept. */
const noPrompts = {
  ci95_prompts: null,
  ci95_hierarchical: null,
  probability_of_improvement: null,
};

function curvesOf(pairs: readonly SeedPair[], figures: RunFigures) {
  return pairs.map((pair) => ({
    a: frontierOf(pair.a, figures),
    b: frontierOf(pair.b, figures),
  }));
}
