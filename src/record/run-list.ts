/** The runs in a folder, each in one line: what it is, how it stands, how far it came. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type JournalLine, linesOf } from "./journal-lines.js";
import { eventOf } from "./journal-reader.js";
import { readManifest } from "./manifest.js";
import { RecordError, recordError } from "./record-error.js";
import { holderOf } from "./run-lock.js";
import { runFiles } from "./run-paths.js";

export interface RunSummary {
  /** Folder name. */
  readonly id: string;
  /** Absolute or as the runs folder was given. */
  readonly directory: string;
  readonly name: string;
  readonly purpose: string;
  /**
   * `running`: a controller has it (one on another machine has it until it says otherwise) ·
   * `stopped`: it has no end, and no controller · `damaged`.
   */
  readonly state: "running" | "stopped" | "done" | "failed" | "interrupted" | "damaged";
  /** ISO 8601; null when the manifest is damaged. */
  readonly started: string | null;
  readonly finished: string | null;
  readonly trials: number;
  readonly trialsDone: number;
  /** Trial of the last step. */
  readonly trial: string | null;
  /** Iterations that trial has done. */
  readonly step: number | null;
  /** Of the last step's returns at the target α. */
  readonly cvar: number | null;
  /** Why it failed, or what is damaged. */
  readonly message: string | null;
}

/**
 * Newest first. A folder without a manifest is no run and is left out; a run whose record is
 * damaged is listed as such.
 *
 * @throws {RecordError} when the folder cannot be read; a missing one has no runs
 */
export async function listRuns(runsFolder: string): Promise<RunSummary[]> {
  let names: string[];
  try {
    names = readdirSync(runsFolder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    const wrapped = recordError(`cannot read ${runsFolder}`, error);
    if (wrapped.reason === "missing") {
      return [];
    }
    throw wrapped;
  }
  const runs: RunSummary[] = [];
  for (const id of names) {
    const run = await summaryOf(join(runsFolder, id), id);
    if (run !== null) {
      runs.push(run);
    }
  }
  return runs.sort((a, b) => (b.started ?? "").localeCompare(a.started ?? ""));
}

async function summaryOf(directory: string, id: string): Promise<RunSummary | null> {
  const unknown = { trials: 0, trialsDone: 0, trial: null, step: null, cvar: null };
  try {
    const manifest = readManifest(directory);
    const { name, purpose, started, finished, message, outcome } = manifest;
    const facts = { id, directory, name, purpose, started, finished, message };
    try {
      const state = outcome ?? (holderOf(directory) === null ? "stopped" : "running");
      const progress = await progressOf(join(directory, runFiles.journal));
      return { ...facts, ...progress, state };
    } catch (error) {
      const { message: damage } = error as Error;
      return { ...facts, ...unknown, state: "damaged", message: damage };
    }
  } catch (error) {
    if (error instanceof RecordError && error.reason === "missing") {
      return null;
    }
    const { message } = error as Error;
    const facts = { id, directory, name: id, purpose: "", started: null, finished: null };
    return { ...facts, ...unknown, state: "damaged", message };
  }
}

type Progress = Pick<RunSummary, "trials" | "trialsDone" | "trial" | "step" | "cvar">;

/**
 * Nearly all of a journal is steps, and only the last one counts: the others are not parsed, and
 * no checksum is reckoned (`averse verify` does).
 */
async function progressOf(path: string): Promise<Progress> {
  let trials = 0;
  let trialsDone = 0;
  let last: JournalLine | null = null;
  for await (const line of linesOf(path)) {
    if (!line.whole) {
      break;
    }
    const head = line.bytes.toString("latin1", 0, 300);
    const type = /^[^{]*\{[^{]*?"type":"([a-z_]+)"/.exec(head)?.[1];
    if (type === "step") {
      last = line;
    } else if (type === "run_started") {
      const event = eventOf(line, path);
      trials = event.type === "run_started" ? event.trials.length : 0;
    } else if (type === "trial_finished") {
      trialsDone += 1;
    }
  }
  const step = last === null ? null : eventOf(last, path);
  return step?.type === "step"
    ? { trials, trialsDone, trial: step.trial, step: step.step + 1, cvar: step.cvar }
    : { trials, trialsDone, trial: null, step: null, cvar: null };
}
