/** The runs in a folder, each in one line: what it is, how it stands, how far it came. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { planTrials } from "../config/trials.js";
import { noNotes, type RunNotes, type RunSummary } from "../run-model/run-summary.js";
import { runEta, type TimedTrial } from "../run-model/time-left.js";
import { RecordError, recordError } from "../system/record-error.js";
import type { Manifest } from "./manifest/schema.js";
import { experimentOf, intactManifest, manifestJson } from "./manifest/text.js";
import { runFiles } from "./paths.js";
import { JournalSummary } from "./progress-file.js";
import { holderOf } from "./run-lock.js";
import { readNotes } from "./run-notes.js";
import type { ProgressFacts } from "./run-progress.js";

/**
 * Newest first. A folder without a manifest is no run and is left out; a run whose record is
 * damaged, or may not be read, is listed as damaged, and that of another version of the program as
 * incompatible, with the reason.
 *
 * @throws {RecordError} when the folder cannot be read; a missing one has no runs
 */
export async function listRuns(runsFolder: string): Promise<RunSummary[]> {
  return new RunList(runsFolder).read();
}

/** For a list that is read again and again: what has not changed is not read again. */
export class RunList {
  readonly #known = new Map<string, KnownRun>();

  /** @param now seconds since 1970 */
  constructor(
    private readonly runsFolder: string,
    private readonly now: () => number = () => Date.now() / 1000,
  ) {}

  /** As `listRuns`. */
  read(): RunSummary[] {
    const runs = runNames(this.runsFolder).flatMap((id) => this.#summary(id) ?? []);
    return runs.sort((a, b) => laterFirst(a.started ?? "", b.started ?? ""));
  }

  #summary(id: string): RunSummary | null {
    const known = this.#known.get(id) ?? new KnownRun(join(this.runsFolder, id));
    this.#known.set(id, known);
    const unknown = {
      ...nothing,
      ...notesOf(known.directory),
      ...{ id, directory: known.directory, name: id, purpose: "" },
    };
    try {
      const manifest = known.manifest();
      const { name, purpose, started, finished, message } = manifest;
      const facts = { ...unknown, name, purpose, started, finished, message };
      try {
        return {
          ...facts,
          ...summaryOf(known.directory, manifest, known.journal.read(), this.now()),
        };
      } catch (error) {
        return { ...facts, ...illness(error) };
      }
    } catch (error) {
      return error instanceof RecordError && error.reason === "missing"
        ? null
        : { ...unknown, ...illness(error) };
    }
  }
}

/** Notes that cannot be read say so themselves: the run is none the worse. */
function notesOf(run: string): RunNotes {
  try {
    return readNotes(run);
  } catch (error) {
    return { ...noNotes, note: (error as Error).message };
  }
}

function illness(error: unknown): Pick<RunSummary, "state" | "message"> {
  const other = error instanceof RecordError && error.reason === "version";
  return { state: other ? "incompatible" : "damaged", message: (error as Error).message };
}

/**
 * Whether there is a run: a folder with a manifest.
 *
 * @throws {RecordError} it cannot be looked into, and may be one
 */
export function isRun(folder: string): boolean {
  const path = join(folder, runFiles.manifest);
  try {
    statSync(path);
    return true;
  } catch (error) {
    const wrapped = recordError(`cannot read ${path}`, error);
    if (wrapped.reason === "missing" || wrapped.reason === "name") return false;
    throw wrapped;
  }
}

/**
 * Names of the runs, in no order; of what cannot be looked into, too: whoever opens it is told why.
 *
 * @throws {RecordError} when the folder cannot be read; a missing one has no runs
 */
export function runNames(runsFolder: string): string[] {
  try {
    return readdirSync(runsFolder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .filter((name) => mayBeRun(join(runsFolder, name)));
  } catch (error) {
    const wrapped = recordError(`cannot read ${runsFolder}`, error);
    if (wrapped.reason === "missing") {
      return [];
    }
    throw wrapped;
  }
}

function mayBeRun(folder: string): boolean {
  try {
    return isRun(folder);
  } catch (error) {
    if (error instanceof RecordError) return true;
    throw error;
  }
}

/** Name of the run that was started last; null: there is none. @throws as `runNames` */
export function latestRun(runsFolder: string): string | null {
  const started = (name: string): string => {
    try {
      return new KnownRun(join(runsFolder, name)).manifest().started;
    } catch {
      // A damaged one is the latest only where there is no other.
      return "";
    }
  };
  const runs = runNames(runsFolder).map((name) => ({ name, started: started(name) }));
  return runs.sort((a, b) => laterFirst(a.started, b.started))[0]?.name ?? null;
}

/** Of two times in ISO 8601. `localeCompare` would load the collation of a language for it. */
function laterFirst(a: string, b: string): number {
  return a < b ? 1 : a > b ? -1 : 0;
}

const nothing = {
  started: null,
  finished: null,
  trials: 0,
  trialsDone: 0,
  trial: null,
  step: null,
  iterations: null,
  cvar: null,
  etaSeconds: null,
} as const;

class KnownRun {
  #stamp = "";
  #manifest: Manifest | null = null;
  readonly journal: JournalSummary;

  constructor(readonly directory: string) {
    this.journal = new JournalSummary(directory);
  }

  /** @throws {RecordError} */
  manifest(): Manifest {
    const path = join(this.directory, runFiles.manifest);
    try {
      const { mtimeMs, size, ino } = statSync(path);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (this.#manifest === null || stamp !== this.#stamp) {
        const bytes = readFileSync(path);
        this.#manifest = intactManifest(manifestJson(bytes, path), bytes, path) as Manifest;
        this.#stamp = stamp;
      }
      return this.#manifest;
    } catch (error) {
      throw recordError(`cannot read ${path}`, error);
    }
  }
}

function summaryOf(run: string, manifest: Manifest, progress: ProgressFacts, now: number) {
  const { outcome } = manifest;
  const { trials, last_trial: trial, cvar, parallel } = progress;
  const last = trial === null ? undefined : trials[trial];
  const state = outcome ?? (holderOf(run) === null ? ("stopped" as const) : progress.state);
  return {
    state,
    // What a sweep's halving has dropped is not to be done.
    trials: Object.values(trials).filter(({ status }) => status !== "dropped").length,
    trialsDone: Object.values(trials).filter(({ status }) => status === "done").length,
    trial,
    step: last?.step ?? null,
    iterations: last?.iterations ?? null,
    cvar,
    etaSeconds:
      state === "running"
        ? runEta({ state, parallel, trials: timed(manifest, trials) }, now)
        : null,
  };
}

/** Trials that have not started are known from the plan alone. */
function timed(manifest: Manifest, trials: ProgressFacts["trials"]): TimedTrial[] {
  return planTrials(experimentOf(manifest)).map(({ id, stage, iterations }) => {
    const {
      status = "waiting",
      step = 0,
      startedAt = null,
      endedAt = null,
      lastStepAt = null,
      pace = null,
    } = trials[id] ?? {};
    const times = { startedAt, endedAt, lastStepAt, pace };
    return { id, stage, iterations, status, phase: null, steps: { length: step }, ...times };
  });
}
