/** Completions that a run has kept, of all trials and iterations, as one Parquet file. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { trialParts } from "../../config/trials.js";
import type { StepEvent } from "../../journal/events.js";
import { readJournalSoFar } from "../../journal/reader.js";
import { completionColumns } from "../../store/completion-columns.js";
import { readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { checkedPath, completionsFile } from "../../store/paths.js";
import { RecordError } from "../../system/record-error.js";
import { sha256OfFile } from "../../system/sha256.js";
import { readParquetRows } from "../../tables/parquet-rows.js";
import { type WrittenColumn, type WrittenRow, writeParquet } from "../../tables/write-table.js";
import { UserError } from "../failure-text.js";
import { makeExportFolder } from "./export-folder.js";

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
  const files = await keptFiles(run);
  if (files.length === 0) {
    const { completions } = recordedExperiment(readManifest(run), run).record;
    throw new UserError(
      completions === "none"
        ? `${run} keeps no completions: record.completions is none. A run with \`--set record.completions=all\`, or tail, does; the worst texts of each iteration are in trials/*/texts.`
        : `${run} has kept no completions yet: no iteration is done.`,
    );
  }
  await makeExportFolder(to);
  const file = join(to, "completions.parquet");
  return { file, rows: await writeParquet(file, columns, rowsOf(files)) };
}

interface KeptFile {
  readonly trial: string;
  /** From 1. */
  readonly iteration: number;
  readonly path: string;
  /** Null: a former version wrote it, whose events do not name it. */
  readonly sha256: string | null;
}

/** In the order of trials and iterations; of an iteration that was done again the later one. */
async function keptFiles(run: string): Promise<KeptFile[]> {
  const kept = new Map<string, KeptFile>();
  for await (const event of readJournalSoFar(run)) {
    if (event.type !== "step") continue;
    const trial = event.trial!;
    const { file, sha256 } = namedFile(event) ?? { file: null, sha256: null };
    const key = `${trial} ${event.step}`;
    if (file === null || !(sha256 !== null || existsSync(join(run, file)))) {
      kept.delete(key);
    } else {
      const path = join(run, checkedPath(file));
      kept.set(key, { trial, iteration: event.step + 1, path, sha256 });
    }
  }
  return [...kept.values()].sort((a, b) =>
    a.trial === b.trial ? a.iteration - b.iteration : a.trial < b.trial ? -1 : 1,
  );
}

/** A former version's events do not name the file that there may be. */
function namedFile({ trial, step, completions }: StepEvent) {
  return completions === undefined
    ? { file: completionsFile(trial!, step, 1), sha256: null }
    : completions;
}

async function* rowsOf(files: readonly KeptFile[]): AsyncGenerator<WrittenRow> {
  for (const { trial, iteration, path, sha256 } of files) {
    if (sha256 !== null && (await sha256OfFile(path)) !== sha256) {
      const what = `${path} has changed since it was written`;
      const next = "Restore it from a copy; `averse verify` checks the whole run";
      throw new RecordError("damaged", `${what}. ${next}`);
    }
    const place = { trial, ...trialParts(trial), iteration };
    for (const row of await readParquetRows(path)) yield { ...place, ...row };
  }
}
