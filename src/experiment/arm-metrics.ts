/** An arm's final figures over its seeds. */
import { confidence95, mean, sd } from "../domain/statistics.js";
import type { Evaluation, Metric } from "./evaluation.js";
import type { Trial } from "./plan.js";
import type { RunFigures } from "./trial-figures.js";

/**
 * By arm, in the plan's order: arms that are reported and have a finished evaluation. A metric
 * that a seed lacks (no judge, say) counts the seeds that have it.
 */
export function armMetrics(trials: readonly Trial[], figures: RunFigures): Evaluation["arms"] {
  const arms: Record<string, { seeds: number[]; metrics: Record<string, Metric> }> = {};
  for (const arm of new Set(trials.filter(({ reported }) => reported).map(({ arm }) => arm))) {
    const finals = trials
      .filter((trial) => trial.arm === arm)
      .flatMap(({ id, seed }) => {
        const own = figures.get(id);
        return own?.final
          ? [{ seed, metrics: { ...own.final.metrics, seconds: own.trainingSeconds } }]
          : [];
      });
    if (finals.length > 0) {
      const names = new Set(finals.flatMap(({ metrics }) => Object.keys(metrics)));
      const metrics = [...names].map((name): [string, Metric] => [
        name,
        overSeeds(finals.flatMap(({ metrics }) => metrics[name as keyof typeof metrics] ?? [])),
      ]);
      arms[arm] = { seeds: finals.map(({ seed }) => seed), metrics: Object.fromEntries(metrics) };
    }
  }
  return arms;
}

function overSeeds(perSeed: number[]): Metric {
  return { mean: mean(perSeed), sd: sd(perSeed), ci95: confidence95(perSeed), per_seed: perSeed };
}
