/** `averse export`: what a run came to, for elsewhere: its model, curves, figures, table, completions. */
import { basename, join, resolve } from "node:path";
import type { ResultsFormat } from "../../report/exports/results-table.js";
import { writeDurably } from "../../system/durable-files.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { runFolder } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";
import { writing } from "../writable-place.js";
import { exportAdvice, makeExportFolder } from "./export-folder.js";
import type { FigureFormat } from "./figures.js";
import { cardOf, checkedModel, copyModel } from "./model-folder.js";

export interface ExportOptions {
  readonly trial?: string;
  readonly to?: string;
  /** `ORG/NAME`. */
  readonly push?: string;
  readonly private: boolean;
  readonly curves?: "csv" | "parquet";
  readonly figures?: FigureFormat;
  readonly table?: ResultsFormat;
  readonly completions?: "parquet";
  readonly runs: string;
  readonly json: boolean;
}

/** @throws {UserError} no such run or trial; there is nothing of the kind; the hub refuses */
export async function exportRun(
  run: string,
  options: ExportOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const folder = runFolder(run, options.runs);
  const { curves, figures, table, completions, trial, push, to } = options;
  const tables = [curves, figures, table, completions].some((kind) => kind !== undefined);
  const model = trial !== undefined || push !== undefined || !tables;
  if (tables && model) {
    throw new UserError(
      "--trial and --push are for a model; export curves, figures, tables and completions by a command of their own.",
    );
  }
  if (model) return exportModel(folder, options, terminal);
  const place = resolve(to ?? `${basename(folder)}-export`);
  const files: Record<string, string | readonly string[]> = {};
  const said: string[] = [];
  if (curves !== undefined) {
    const { writeCurves } = await import("./curves.js");
    const { file, rows } = await writeCurves(folder, curves, place);
    files.curves = file;
    said.push(`${rows} figures: ${file}`);
  }
  if (figures !== undefined) {
    const { writeFigures } = await import("./figures.js");
    const written = await writeFigures(folder, figures, place);
    files.figures = written;
    said.push(`${written.length} figures as ${figures}: ${join(place, "figures")}`);
  }
  if (completions !== undefined) {
    const { writeKeptCompletions } = await import("./completions.js");
    const { file, rows } = await writeKeptCompletions(folder, place);
    files.completions = file;
    said.push(`${rows} completions: ${file}. They are unmasked and may be offensive.`);
  }
  if (table !== undefined) {
    const { resultsFile, resultsText } = await import("./results.js");
    const text = await resultsText(folder, table);
    if (to === undefined && !options.json) {
      terminal.out(text.trimEnd());
    } else {
      await makeExportFolder(place);
      const file = join(place, resultsFile(table));
      writeDurably(file, text);
      files.table = file;
      said.push(`results: ${file}`);
    }
  }
  if (options.json) terminal.out(JSON.stringify({ run: resolve(folder), files }));
  else for (const line of said) terminal.out(line);
  return exitCode.done;
}

async function exportModel(
  folder: string,
  { trial, to, push, private: isPrivate, json }: ExportOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  if (to === undefined && push === undefined) {
    throw new UserError(
      "name what to export: --to FOLDER or --push ORG/NAME for a model, or --curves, --figures, --table, --completions.",
    );
  }
  const { pushModel, requireRepository } = await import("./push.js");
  if (push !== undefined) requireRepository(push);
  const model = await checkedModel(folder, trial);
  const told: Record<string, unknown> = { trial: model.trial };
  if (to !== undefined) {
    const place = resolve(to);
    const card = await cardOf(folder, model, push ?? basename(place));
    await writing(exportAdvice, () => copyModel(model, card, place));
    told.to = place;
  }
  if (push !== undefined) {
    const card = await cardOf(folder, model, push);
    told.url = await pushModel(model, card, { repository: push, private: isPrivate }, terminal);
  }
  if (json) {
    terminal.out(JSON.stringify({ ...told, files: model.files }));
    return exitCode.done;
  }
  if (to !== undefined) {
    const place = JSON.stringify(resolve(to));
    terminal.out(
      `${model.trial} is in ${resolve(to)}: AutoModelForCausalLM.from_pretrained(${place})`,
    );
  }
  if (push !== undefined) terminal.out(`${model.trial} is pushed: ${told.url}`);
  return exitCode.done;
}
