/** Completions that a run has kept, of all trials and iterations, as one Parquet file. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { trialParts } from "../../config/trials.js";
import { completionColumns } from "../../store/completion-columns.js";
import { readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { completionsFolder } from "../../store/paths.js";
import { readParquetRows } from "../../tables/parquet-rows.js";
import { type WrittenColumn, type WrittenRow, writeParquet } from "../../tables/write-table.js";
import { UserError } from "../failure-text.js";

const columns: readonly WrittenColumn[] = [
  { name: "trial", type: "text" },
  { name: "arm", type: "text" },
  { name: "seed", type: "integer" },
  { name: "iteration", type: "integer" },
  ...completionColumns,
];

/** @throws {UserError} the run has kept none */
export async function writeKeptCompletions(
  run: string,
  to: string,
): Promise<{ readonly file: string; readonly rows: number }> {
  const files = keptFiles(run);
  if (files.length === 0) {
    const { completions } = recordedExperiment(readManifest(run), run).record;
    throw new UserError(
      completions === "none"
        ? `${run} keeps no completions: record.completions is none. A run with \`--set record.completions=all\`, or tail, does; the worst texts of each iteration are in trials/*/texts.`
        : `${run} has kept no completions yet: no iteration is done.`,
    );
  }
  mkdirSync(to, { recursive: true });
  const file = join(to, "completions.parquet");
  return { file, rows: await writeParquet(file, columns, rowsOf(files)) };
}

interface KeptFile {
  readonly trial: string;
  /** From 1. */
  readonly iteration: number;
  readonly path: string;
}

function keptFiles(run: string): KeptFile[] {
  const trials = join(run, "trials");
  return (existsSync(trials) ? readdirSync(trials).sort() : []).flatMap((trial) => {
    const folder = join(run, completionsFolder(trial));
    const names = existsSync(folder) ? readdirSync(folder).sort() : [];
    return names.flatMap((name): KeptFile[] => {
      const step = /^step-(\d+)\.parquet$/.exec(name)?.[1];
      const path = join(folder, name);
      return step === undefined ? [] : [{ trial, iteration: Number(step) + 1, path }];
    });
  });
}

async function* rowsOf(files: readonly KeptFile[]): AsyncGenerator<WrittenRow> {
  for (const { trial, iteration, path } of files) {
    const place = { trial, ...trialParts(trial), iteration };
    for (const row of await readParquetRows(path)) yield { ...place, ...row };
  }
}
