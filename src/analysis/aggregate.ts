/** A journal's evaluations, summed up: what evaluation.json holds. */
import type { Experiment } from "../config/schema/experiment.js";
import { planTrials, type Trial } from "../config/trials.js";
import type { EventFigures } from "../journal/event-head.js";
import { armCertificates } from "./arm-certificates.js";
import { comparisons } from "./comparisons.js";
import { conclusion } from "./conclusion.js";
import type { ArmMetrics, Evaluation, Metric } from "./evaluation.js";
import { finalMetrics, overSeeds } from "./final-metrics.js";
import { frontiers } from "./frontier.js";
import { sweepFigures } from "./sweep.js";
import { type RunFigures, withEvent } from "./trial-figures.js";

/** Of a whole journal, finished or not: trials without a final evaluation are left out. */
export function aggregate(experiment: Experiment, events: Iterable<EventFigures>): Evaluation {
  let figures: RunFigures = new Map();
  for (const event of events) {
    figures = withEvent(figures, event);
  }
  return summarise(experiment, figures);
}

export function summarise(experiment: Experiment, figures: RunFigures): Evaluation {
  const trials = planTrials(experiment);
  const measured = armMetrics(trials, figures, experiment.evaluation.tail_fraction);
  const found = {
    arms: Object.fromEntries(
      Object.entries(measured).map(([arm, own]) => [
        arm,
        { ...own, certificates: armCertificates(experiment, arm, trials, figures) },
      ]),
    ),
    frontier: frontiers(trials, figures),
    comparisons: comparisons(experiment, trials, figures),
  };
  const sweep = sweepFigures(experiment, found.arms, figures);
  return {
    ...found,
    conclusion: conclusion(experiment, trials, figures, found),
    ...(sweep === undefined ? {} : { sweep }),
  };
}

/* An arm's final figures over its seeds. */

/**
 * By arm, in the plan's order: arms that are reported and have a finished evaluation. A metric
 * that a seed lacks (no judge, say) counts the seeds that have it.
 *
 * @param tailFraction `evaluation.tail_fraction`
 */
export function armMetrics(
  trials: readonly Trial[],
  figures: RunFigures,
  tailFraction: number,
): Record<string, ArmMetrics> {
  const arms: Record<string, ArmMetrics> = {};
  for (const arm of new Set(trials.filter(({ reported }) => reported).map(({ arm }) => arm))) {
    const finals = trials
      .filter((trial) => trial.arm === arm)
      .flatMap(({ id, seed }) => {
        const own = figures.get(id);
        return own?.final ? [{ seed, metrics: finalMetrics(own, tailFraction) }] : [];
      });
    if (finals.length > 0) {
      const all: readonly Readonly<Record<string, number>>[] = finals.map(({ metrics }) => metrics);
      const names = new Set(all.flatMap((metrics) => Object.keys(metrics)));
      const metrics = [...names].map((name): [string, Metric] => [
        name,
        overSeeds(all.flatMap((metrics) => metrics[name] ?? [])),
      ]);
      arms[arm] = { seeds: finals.map(({ seed }) => seed), metrics: Object.fromEntries(metrics) };
    }
  }
  return arms;
}
