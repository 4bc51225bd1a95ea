/**
 * A run's folder, written as the run goes:
 *
 *   runs/<experiment>-<hash8>/  manifest.json  journal.jsonl  progress.json  evaluation.json
 *     logs/  lock/
 *     trials/<arm>-s<seed>/     checkpoints/step-000050/  model/  samples/  episodes/  texts/
 */

import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Experiment } from "../config/schema/experiment.js";
import { JournalWriter } from "../journal/writer.js";
import { makeFolder, syncFolder } from "../system/durable-files.js";
import { RecordError, recordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";
import {
  configHash,
  type Provenance,
  startingManifest,
  writeManifest,
} from "./manifest/manifest.js";
import { checkedName, runFiles } from "./paths.js";
import { DiskRecorder, type RunRecorder } from "./recorder.js";
import { lockRun } from "./run-lock.js";
import { RunProgress } from "./run-progress.js";

export interface RunOptions {
  readonly experiment: Experiment;
  /** Folder of all runs; made where it is missing. */
  readonly runsFolder: string;
  /** This very folder instead, which must not exist; null: a new one in `runsFolder`. */
  readonly runDir: string | null;
  readonly provenance: Provenance;
  /** Folder of all artifacts, absolute; null: none are kept. */
  readonly artifacts: string | null;
  /** The time of day; the first reading is the run's start. */
  readonly now: () => Date;
}

/**
 * Makes the folder of a new run, with its manifest and an empty journal. The name holds a hash of
 * the resolved configuration and the start time: the same experiment can be run again, at the
 * same moment too.
 *
 * @throws {RecordError} `exists`, `name`, `permission`, `space`: nothing was made, or no more
 *   than an empty folder
 */
export function createRun(options: RunOptions): RunRecorder {
  const { experiment, runDir, provenance, artifacts, now } = options;
  const started = now();
  const name = checkedName(experiment.name, "experiment");
  const directory =
    runDir === null
      ? makeRunFolder(
          options.runsFolder,
          name,
          `${configHash(experiment)} ${started.toISOString()}`,
        )
      : makeNamedFolder(resolve(runDir));
  syncFolder(dirname(directory));
  const lock = lockRun(directory, now);
  try {
    // The manifest last: a folder that has one is a run, and lacks nothing.
    const journal = new JournalWriter(join(directory, runFiles.journal), now);
    makeFolder(join(directory, runFiles.logs));
    const manifest = startingManifest(experiment, provenance, started, artifacts);
    writeManifest(directory, manifest);
    const progress = new RunProgress();
    return new DiskRecorder({ directory, manifest, provenance, journal, progress, lock, now });
  } catch (error) {
    lock.abandon();
    throw error;
  }
}

/** As many runs can start in one millisecond; more than one is rare already. */
const names = 100;

/**
 * Makes `<name>-<hash8>` in the folder of all runs. Runs of one configuration that start in one
 * millisecond have the same hash: the first to make its folder has it, the others continue to the
 * next name in the same row.
 *
 * @param identity - What tells this run from others: configuration and start time.
 * @throws {RecordError} `permission`, `space`, …: nothing was made, or `runsFolder` alone
 */
export function makeRunFolder(runsFolder: string, name: string, identity: string): string {
  for (let nth = 0; nth < names; nth++) {
    const text = nth === 0 ? identity : `${identity} ${nth}`;
    const hash = sha256Of(text).slice(0, 8);
    const directory = resolve(runsFolder, `${name}-${hash}`);
    if (makeExclusively(directory)) {
      return directory;
    }
  }
  throw new RecordError(
    "exists",
    `${resolve(runsFolder)} already holds ${names} runs named ${name} of this moment: try again, ` +
      "or choose a folder with --run-dir",
  );
}

/**
 * Makes this very folder.
 *
 * @throws {RecordError} `exists` where it is there already; `permission`, `space`, …
 */
export function makeNamedFolder(directory: string): string {
  if (!makeExclusively(directory)) {
    throw new RecordError(
      "exists",
      `the run folder ${directory} already exists: choose another with --run-dir, or remove it`,
    );
  }
  return directory;
}

/** @returns Whether it was made by this call: one call alone makes a folder. */
function makeExclusively(directory: string): boolean {
  makeFolder(dirname(directory));
  try {
    mkdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      return false;
    }
    throw recordError(`cannot make the run folder ${directory}`, error);
  }
  return true;
}
