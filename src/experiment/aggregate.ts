/** A journal's evaluations, summed up: what evaluation.json holds. */
import type { Experiment } from "../config/schema.js";
import { armMetrics } from "./arm-metrics.js";
import { comparisons } from "./comparisons.js";
import { conclusion } from "./conclusion.js";
import type { Evaluation } from "./evaluation.js";
import type { JournalEvent } from "./events.js";
import { frontiers } from "./frontier.js";
import { planTrials } from "./plan.js";
import { type RunFigures, withEvent } from "./trial-figures.js";

/** Of a whole journal, finished or not: trials without a final evaluation are left out. */
export function aggregate(experiment: Experiment, events: Iterable<JournalEvent>): Evaluation {
  let figures: RunFigures = new Map();
  for (const event of events) {
    figures = withEvent(figures, event);
  }
  return summarise(experiment, figures);
}

export function summarise(experiment: Experiment, figures: RunFigures): Evaluation {
  const trials = planTrials(experiment);
  const found = {
    arms: armMetrics(trials, figures),
    frontier: frontiers(trials, figures),
    comparisons: comparisons(experiment, trials, figures),
  };
  return { ...found, conclusion: conclusion(experiment, found) };
}
