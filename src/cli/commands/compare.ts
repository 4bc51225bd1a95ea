/** `averse compare`: arms of one run or several, each against the first, paired by seed. */

import { basename } from "node:path";
import { armMetrics } from "../../analysis/aggregate.js";
import type { Evaluation } from "../../analysis/evaluation.js";
import type { RunFigures } from "../../analysis/trial-figures.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { planTrials, type Trial } from "../../config/trials.js";
import {
  type ComparedArm,
  type ComparisonRow,
  compareArms,
  differenceText,
  renderComparison,
} from "../../report/comparison.js";
import { cautionLines, conclusionLines } from "../../report/conclusion-words.js";
import { rewardByQuantile } from "../../report/plots/quantile-curve.js";
import { seedMean } from "../../report/plots/seed-mean.js";
import { readEvaluation, readEvaluationIfAny } from "../../store/evaluation-file.js";
import { type Manifest, readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { safeText } from "../../text/safe-text.js";
import { runLetter } from "../../tui/compare/compared-rows.js";
import type { ComparedRun, ComparedRunArm } from "../../tui/compare/compared-run.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { runFolder } from "../lookup/runs.js";
import { figuresOfRun, scaleOfRecord } from "../lookup/stored-run.js";
import type { Terminal } from "../terminal.js";

export interface CompareOptions {
  readonly runs: string;
  readonly json: boolean;
  /** Shows arms whose figures are on different scales all the same, without differences. */
  readonly force: boolean;
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
  const runs = folders.map(storedRun);
  const rows = compareArms(select(runs, arms));
  if (rows.length === 0) throw new UserError("nothing to compare: the run has no evaluated arm.");
  if (!options.force) requireOneScale(rows);
  if (options.json) {
    terminal.out(
      JSON.stringify({
        entries: rows.map(({ run, arm, seeds, metrics, notComparable, againstFirst }) => ({
          run,
          arm,
          seeds,
          metrics,
          not_comparable: notComparable.map(({ key, a, b }) => ({ key, first: a, this: b })),
          against_first: againstFirst,
        })),
        comparisons: runs.flatMap(({ evaluation }) => evaluation.comparisons),
      }),
    );
  } else {
    const { columns: width, unicode, color } = terminal;
    const cautions = runs.flatMap(({ evaluation }, place) =>
      cautionLines(evaluation.conclusion).map((line) =>
        [runLetter(place, runs.length), `warning: ${line}`].join(" ").trim(),
      ),
    );
    const parts = [
      ...(runs.length > 1
        ? [
            runs
              .map(({ folder }, at) => `${runLetter(at, runs.length)}  ${basename(folder)}`)
              .join("\n"),
          ]
        : []),
      renderComparison(rows, { width, unicode, color }),
      ...(cautions.length > 0 ? [cautions.map((line) => safeText(line)).join("\n")] : []),
    ];
    terminal.out(parts.join("\n\n"));
  }
  return exitCode.done;
}

interface StoredRun {
  readonly folder: string;
  readonly evaluation: Evaluation;
  readonly manifest: Manifest;
  readonly experiment: Experiment;
}

function storedRun(folder: string): StoredRun {
  const manifest = readManifest(folder);
  const experiment = recordedExperiment(manifest, folder);
  return { folder, evaluation: readEvaluation(folder), manifest, experiment };
}

/** @throws {UserError} a row cannot be held against the first */
function requireOneScale(rows: readonly ComparisonRow[]): void {
  const [first] = rows;
  const wrong = rows.filter(({ notComparable }) => notComparable.length > 0);
  if (wrong.length === 0) return;
  const each = wrong.map(
    ({ label, notComparable }) =>
      `${label} and ${first!.label} differ in ${differenceText(notComparable)}`,
  );
  throw new UserError(
    `these arms are not comparable: ${each.join("; ")}. Name arms that are, or use --force to see ` +
      "the figures without differences.",
  );
}

function split(
  names: readonly string[],
  runsFolder: string,
): { folders: string[]; arms: string[] } {
  const folders = [runFolder(names[0]!, runsFolder)];
  for (const [index, name] of names.slice(1).entries()) {
    const folder = folderOrNull(name, runsFolder);
    if (folder === null) return { folders, arms: names.slice(index + 1) };
    if (!folders.includes(folder)) folders.push(folder);
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
  runs: readonly StoredRun[],
  arms: readonly string[],
): (Entry & { readonly label: string })[] {
  const known = [...new Set(runs.flatMap(({ evaluation }) => Object.keys(evaluation.arms)))];
  const unknown = arms.filter((arm) => !known.includes(arm));
  if (unknown.length > 0) {
    throw new UserError(
      `neither a run nor an arm: ${unknown.join(", ")}. The arms are ${known.join(", ")}.`,
    );
  }
  return runs.flatMap(({ folder, evaluation, manifest, experiment }, place) =>
    (arms.length === 0 ? Object.keys(evaluation.arms) : arms).flatMap((arm) => {
      const found = evaluation.arms[arm];
      if (found === undefined) return [];
      const label = `${runLetter(place, runs.length)} ${arm}`.trim();
      const scale = scaleOfRecord(manifest, experiment, arm);
      return [{ run: basename(folder), arm, label, scale, ...found }];
    }),
  );
}

/**
 * A run as the comparison screen shows it, from its files; also one that is still running.
 *
 * Never throws: a run that has nothing to show says why, and spoils no other.
 */
export function comparedRun(folder: string): ComparedRun {
  const id = basename(folder);
  const nothing = { id, arms: [], conclusion: [], tailFraction: null };
  try {
    const manifest = readManifest(folder);
    const experiment = recordedExperiment(manifest, folder);
    const trials = planTrials(experiment);
    const figures = figuresOfRun(folder);
    const evaluation = readEvaluationIfAny(folder);
    const arms =
      evaluation?.arms ?? armMetrics(trials, figures, experiment.evaluation.tail_fraction);
    if (Object.keys(arms).length === 0) {
      return { ...nothing, problem: "no arm of it has been evaluated yet" };
    }
    return {
      id,
      arms: Object.entries(arms).map(([arm, { seeds, metrics }]) => ({
        arm,
        seeds,
        metrics,
        scale: scaleOfRecord(manifest, experiment, arm),
        curve: curveOf(arm, trials, figures),
      })),
      conclusion: evaluation === null ? [] : saidOf(evaluation),
      tailFraction: experiment.evaluation.tail_fraction,
      problem: null,
    };
  } catch (error) {
    return { ...nothing, problem: (error as Error).message };
  }
}

function saidOf({ conclusion }: Evaluation): string[] {
  const cautions = cautionLines(conclusion).map((line) => `warning: ${line}`);
  return [...conclusionLines(conclusion), ...cautions];
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
