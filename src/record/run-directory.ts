/**
 * A run's folder, written as the run goes:
 *
 *   runs/<experiment>-<hash8>/  manifest.json  journal.jsonl  progress.json  evaluation.json
 *     logs/  lock/
 *     trials/<arm>-s<seed>/     checkpoints/step-000050/  model/  samples/  episodes/  texts/
 */
import { dirname, join, resolve } from "node:path";
import type { Experiment } from "../config/schema.js";
import type { Recorder } from "../experiment/ports.js";
import { DiskRecorder } from "./disk-recorder.js";
import { makeFolder, syncFolder } from "./durable-files.js";
import { JournalWriter } from "./journal-writer.js";
import {
  configHash,
  type Manifest,
  type Provenance,
  startingManifest,
  writeManifest,
} from "./manifest.js";
import { makeNamedFolder, makeRunFolder } from "./new-run-folder.js";
import { lockRun } from "./run-lock.js";
import { checkedName, runFiles } from "./run-paths.js";

export interface RunOptions {
  readonly experiment: Experiment;
  /** Folder of all runs; made where it is missing. */
  readonly runsFolder: string;
  /** This very folder instead, which must not exist; null: a new one in `runsFolder`. */
  readonly runDir: string | null;
  readonly provenance: Provenance;
  /** The time of day; the first reading is the run's start. */
  readonly now: () => Date;
}

export interface RunRecorder extends Recorder {
  /** Of the manifest as it stands. */
  readonly manifest: Manifest;
  /** Stands for the whole journal so far; empty: it has no event. */
  readonly journalChecksum: string;
  /** Closes the journal and gives the run free; nothing can be written afterwards. Safe twice. */
  close(): void;
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
  const { experiment, runDir, provenance, now } = options;
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
    const manifest = startingManifest(experiment, provenance, started);
    writeManifest(directory, manifest);
    return new DiskRecorder({ directory, manifest, provenance, journal, lock, now });
  } catch (error) {
    lock.abandon();
    throw error;
  }
}
