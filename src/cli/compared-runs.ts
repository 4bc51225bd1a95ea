/** Runs as the comparison screen shows them, from their records; also of runs that go on. */
import { basename } from "node:path";
import { armMetrics } from "../experiment/arm-metrics.js";
import type { JournalEvent } from "../experiment/events.js";
import { planTrials, type Trial } from "../experiment/plan.js";
import { type RunFigures, withEvent } from "../experiment/trial-figures.js";
import { readEvaluationIfAny } from "../record/evaluation-file.js";
import { JournalIndex } from "../record/journal-index.js";
import { readManifest } from "../record/manifest.js";
import { experimentOf } from "../record/manifest-experiment.js";
import { rewardByQuantile } from "../report/plots/quantile-curve.js";
import { seedMean } from "../report/plots/seed-mean.js";
import type { ComparedRun, ComparedRunArm } from "../tui/compare/compared-run.js";

/** Never throws: a run that has nothing to show says why, and spoils no other. */
export function comparedRun(folder: string): ComparedRun {
  const id = basename(folder);
  const nothing = { id, arms: [], conclusion: [], tailQuantile: null };
  try {
    const experiment = experimentOf(readManifest(folder));
    const trials = planTrials(experiment);
    const figures = figuresOf(folder);
    const evaluation = readEvaluationIfAny(folder);
    const arms = evaluation?.arms ?? armMetrics(trials, figures);
    if (Object.keys(arms).length === 0) {
      return { ...nothing, problem: "no arm of it has been evaluated yet" };
    }
    return {
      id,
      arms: Object.entries(arms).map(([arm, { seeds, metrics }]) => ({
        arm,
        seeds,
        metrics,
        curve: curveOf(arm, trials, figures),
      })),
      conclusion: evaluation?.conclusion ?? [],
      tailQuantile: experiment.evaluation.tail_quantile,
      problem: null,
    };
  } catch (error) {
    return { ...nothing, problem: (error as Error).message };
  }
}

/** Of steps only the figures are read; of final evaluations, their arrays too. */
function figuresOf(folder: string): RunFigures {
  const index = new JournalIndex(folder);
  let figures: RunFigures = new Map();
  for (const entry of [...index.read()].flat()) {
    const { head } = entry;
    const whole = head.type === "evaluated" && head.final;
    figures = withEvent(figures, whole ? index.event(entry) : (head as JournalEvent));
  }
  return figures;
}

/** Mean over the seeds that are evaluated. */
function curveOf(
  arm: string,
  trials: readonly Trial[],
  figures: RunFigures,
): ComparedRunArm["curve"] {
  const finals = trials.flatMap((trial) =>
    trial.arm === arm ? (figures.get(trial.id)?.final ?? []) : [],
  );
  return seedMean(finals.map(rewardByQuantile)).points;
}
