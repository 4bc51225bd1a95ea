/** `averse compare`: arms of one run or several, each against the first, paired by seed. */

import { basename } from "node:path";
import type { Evaluation } from "../experiment/evaluation.js";
import { readEvaluation } from "../record/evaluation-file.js";
import { type ComparedArm, compareArms, renderComparison } from "../report/comparison.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { runFolder } from "./run-folder.js";
import type { Terminal } from "./terminal.js";
import { UserError } from "./user-error.js";

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
