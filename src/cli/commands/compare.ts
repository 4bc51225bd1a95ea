/** `averse compare`: arms of one run or several, each against the first, paired by seed. */

import { basename } from "node:path";
import { armMetrics } from "../../analysis/aggregate.js";
import type { Evaluation } from "../../analysis/evaluation.js";
import { type RunFigures, withEvent } from "../../analysis/trial-figures.js";
import { planTrials, type Trial } from "../../config/trials.js";
import type { JournalEvent } from "../../journal/events.js";
import { JournalIndex } from "../../journal/journal-index.js";
import { type ComparedArm, compareArms, renderComparison } from "../../report/comparison.js";
import { rewardByQuantile } from "../../report/plots/quantile-curve.js";
import { seedMean } from "../../report/plots/seed-mean.js";
import { readEvaluation, readEvaluationIfAny } from "../../store/evaluation-file.js";
import { readManifest } from "../../store/manifest/manifest.js";
import { experimentOf } from "../../store/manifest/text.js";
import type { ComparedRun, ComparedRunArm } from "../../tui/compare/compared-run.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { runFolder } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";

export interface CompareOptions {
  readonly runs: string;
  readonly json: boolean;
}

interface Entry extends ComparedArm {
  readonly run: string;
  readonly arm: string;
}

/** @param names runs, then arms: the first that is no run, and all after it, are arms */
export async function compare(
  names: readonly string[],
  options: CompareOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { folders, arms } = split(names, options.runs);
  const runs = folders.map((folder) => ({ folder, evaluation: readEvaluation(folder) }));
  const rows = compareArms(select(runs, arms));
  if (rows.length === 0) throw new UserError("nothing to compare: the run has no evaluated arm.");
  if (options.json) {
    terminal.out(
      JSON.stringify({
        entries: rows.map(({ label: _, againstFirst, ...entry }) => ({
          ...entry,
          against_first: againstFirst,
        })),
        comparisons: runs.flatMap(({ evaluation }) => evaluation.comparisons),
      }),
    );
  } else {
    const { columns: width, unicode, color } = terminal;
    terminal.out(renderComparison(rows, { width, unicode, color }));
  }
  return exitCode.done;
}

function split(
  names: readonly string[],
  runsFolder: string,
): { folders: string[]; arms: string[] } {
  const folders = [runFolder(names[0]!, runsFolder)];
  for (const [index, name] of names.slice(1).entries()) {
    const folder = folderOrNull(name, runsFolder);
    if (folder === null) return { folders, arms: names.slice(index + 1) };
    folders.push(folder);
  }
  return { folders, arms: [] };
}

function folderOrNull(name: string, runsFolder: string): string | null {
  try {
    return runFolder(name, runsFolder);
  } catch (error) {
    if (error instanceof UserError && !/[/\\]/.test(name)) return null;
    throw error;
  }
}

function select(
  runs: readonly { readonly folder: string; readonly evaluation: Evaluation }[],
  arms: readonly string[],
): Entry[] {
  const known = [...new Set(runs.flatMap(({ evaluation }) => Object.keys(evaluation.arms)))];
  const unknown = arms.filter((arm) => !known.includes(arm));
  if (unknown.length > 0) {
    throw new UserError(
      `neither a run nor an arm: ${unknown.join(", ")}. The arms are ${known.join(", ")}.`,
    );
  }
  return runs.flatMap(({ folder, evaluation }) =>
    (arms.length === 0 ? Object.keys(evaluation.arms) : arms).flatMap((arm) => {
      const found = evaluation.arms[arm];
      if (found === undefined) return [];
      const run = basename(folder);
      return [{ run, arm, label: runs.length > 1 ? `${run} ${arm}` : arm, ...found }];
    }),
  );
}

/* Runs as the comparison screen shows them, from their records; also of runs that go on. */

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
