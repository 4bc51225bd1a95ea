/** `averse compare`: arms of one run or several, each against the first, paired by seed. */

import { basename } from "node:path";
import { pairedDifference } from "../domain/statistics.js";
import type { Evaluation, Metric } from "../experiment/evaluation.js";
import { readEvaluation } from "../record/evaluation-file.js";
import { type MetricColumn, metricColumns, reportOnlyColumns } from "../report/metric-columns.js";
import { formatNumber, formatSigned } from "../report/number-format.js";
import { gridLines } from "../report/text-grid.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { isRun, runFolder } from "./run-folder.js";
import type { Terminal } from "./terminal.js";
import { UserError } from "./user-error.js";

export interface CompareOptions {
  readonly runs: string;
  readonly json: boolean;
}

interface Entry {
  readonly run: string;
  readonly arm: string;
  readonly seeds: readonly number[];
  readonly metrics: Readonly<Record<string, Metric>>;
}

interface Difference {
  readonly mean: number;
  readonly ci95: readonly [number, number] | null;
  readonly seeds: number;
}

/** @param names runs, then arms: the first that is no run, and all after it, are arms */
export async function compare(
  names: readonly string[],
  options: CompareOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { folders, arms } = await split(names, options.runs);
  const runs = folders.map((folder) => ({ folder, evaluation: readEvaluation(folder) }));
  const entries = select(runs, arms);
  const [base] = entries;
  if (base === undefined) throw new UserError("nothing to compare: the run has no evaluated arm.");
  const columns = [...metricColumns, ...reportOnlyColumns].filter(({ metric }) =>
    entries.some((entry) => entry.metrics[metric] !== undefined),
  );
  if (options.json) {
    terminal.out(
      JSON.stringify({
        entries: entries.map((entry) => ({
          ...entry,
          against_first: allDifferences(entry, base, columns),
        })),
        comparisons: runs.flatMap(({ evaluation }) => evaluation.comparisons),
      }),
    );
  } else {
    terminal.out(text(entries, base, columns, folders.length > 1, terminal));
  }
  return exitCode.done;
}

async function split(
  names: readonly string[],
  runsFolder: string,
): Promise<{ folders: string[]; arms: string[] }> {
  const folders = [await runFolder(names[0]!, runsFolder)];
  for (const [index, name] of names.slice(1).entries()) {
    const folder = await folderOrNull(name, runsFolder);
    if (folder === null) return { folders, arms: names.slice(index + 1) };
    folders.push(folder);
  }
  return { folders, arms: [] };
}

async function folderOrNull(name: string, runsFolder: string): Promise<string | null> {
  if (isRun(name)) return name;
  try {
    return await runFolder(name, runsFolder);
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
      return found === undefined ? [] : [{ run: basename(folder), arm, ...found }];
    }),
  );
}

function allDifferences(entry: Entry, base: Entry, columns: readonly MetricColumn[]): object {
  return Object.fromEntries(columns.map(({ metric }) => [metric, difference(entry, base, metric)]));
}

/** Over the seeds that both have; null where they share none, or for the first itself. */
function difference(entry: Entry, base: Entry, metric: string): Difference | null {
  const [a, b] = [entry.metrics[metric], base.metrics[metric]];
  if (entry === base || a === undefined || b === undefined) return null;
  const common = entry.seeds.filter((seed) => base.seeds.includes(seed));
  if (common.length === 0) return null;
  const of = (metricValues: Metric, seeds: readonly number[]) =>
    common.map((seed) => metricValues.per_seed[seeds.indexOf(seed)]!);
  const { difference: mean, ci95 } = pairedDifference(of(a, entry.seeds), of(b, base.seeds));
  return { mean, ci95, seeds: common.length };
}

/** Figures down, arms across: as many arms as anyone compares, more figures than fit in a line. */
function text(
  entries: readonly Entry[],
  base: Entry,
  columns: readonly MetricColumn[],
  severalRuns: boolean,
  { unicode }: Terminal,
): string {
  const style = { unicode };
  const title = ["", ...entries.map(({ run, arm }) => (severalRuns ? `${run} ${arm}` : arm))];
  const rows = columns.map((column) => {
    const { metric, digits, factor } = column;
    const cells = entries.map((entry) => {
      const value = entry.metrics[metric];
      const mean = formatNumber(value === undefined ? null : value.mean * factor, digits, style);
      const against = difference(entry, base, metric);
      return against === null ? mean : `${mean}  ${differenceText(against, column, unicode)}`;
    });
    return [unicode ? column.title : column.ascii, ...cells];
  });
  const note = `behind a figure: difference from ${severalRuns ? `${base.run} ` : ""}${base.arm}, paired by seed, with its 95 % interval where there are several seeds`;
  return [
    ...gridLines([title, ...rows], ["left", ...entries.map(() => "left" as const)]),
    note,
  ].join("\n");
}

function differenceText(
  { mean, ci95 }: Difference,
  { digits, factor }: MetricColumn,
  unicode: boolean,
): string {
  const signed = (value: number) => formatSigned(value * factor, digits, { unicode });
  return ci95 === null
    ? `(${signed(mean)})`
    : `(${signed(mean)} [${signed(ci95[0])}, ${signed(ci95[1])}])`;
}
