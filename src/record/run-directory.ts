/**
 * A run's folder, written as the run goes:
 *
 *   runs/<experiment>-<hash8>/  manifest.json  journal.jsonl  evaluation.json  logs/
 *     trials/<arm>-s<seed>/     checkpoints/step-000050/  model/  samples/  episodes/
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Experiment } from "../config/schema.js";
import type { Happening, JournalEvent } from "../experiment/events.js";
import type { Recorder } from "../experiment/ports.js";
import { completeFolder, prepareFolder } from "./complete-folder.js";
import { makeFolder, writeDurably } from "./durable-files.js";
import { writeEpisodes } from "./episodes-file.js";
import { writeEvaluation } from "./evaluation-file.js";
import { JournalWriter } from "./journal-writer.js";
import {
  configHash,
  type Manifest,
  type Provenance,
  startingManifest,
  writeManifest,
} from "./manifest.js";
import { RecordError, recordError } from "./record-error.js";
import { checkedName, episodesFile, partFolder, runFiles, samplesFile } from "./run-paths.js";

/** Above so many episodes a step's arrays lie in a file of their own. */
const inlineEpisodes = 4096;

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
  /** Closes the journal; nothing can be written afterwards. */
  close(): void;
}

/**
 * Makes the folder of a new run, with its manifest and an empty journal. The name holds a hash of
 * the resolved configuration and the start time: the same experiment can be run again.
 *
 * @throws {RecordError} `exists`, `name`, `permission`, `space`: nothing was made, or no more
 *   than an empty folder
 */
export function createRun(options: RunOptions): RunRecorder {
  const { experiment, runDir } = options;
  const started = options.now();
  const name = checkedName(experiment.name, "experiment");
  const hash = createHash("sha256")
    .update(`${configHash(experiment)} ${started.toISOString()}`)
    .digest("hex")
    .slice(0, 8);
  const directory = resolve(runDir ?? join(options.runsFolder, `${name}-${hash}`));
  makeFolder(dirname(directory));
  try {
    mkdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new RecordError(
        "exists",
        `the run folder ${directory} exists: choose another with --run-dir, or remove it`,
        { cause: error },
      );
    }
    throw recordError(`cannot make the run folder ${directory}`, error);
  }
  return new RunDirectory(
    directory,
    startingManifest(experiment, options.provenance, started),
    options.now,
  );
}

class RunDirectory implements RunRecorder {
  readonly #journal: JournalWriter;
  #manifest: Manifest;

  constructor(
    readonly directory: string,
    manifest: Manifest,
    private readonly now: () => Date,
  ) {
    this.#manifest = manifest;
    writeManifest(directory, manifest);
    makeFolder(join(directory, runFiles.logs));
    this.#journal = new JournalWriter(join(directory, runFiles.journal), now);
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  append(trial: string | null, happening: Happening): JournalEvent {
    const event = this.#journal.append(trial, this.#withoutLargeArrays(trial, happening));
    if (event.type === "worker_ready" && Object.keys(this.#manifest.digests).length === 0) {
      const { versions, digests } = event;
      this.#rewrite({ digests, versions: { ...versions, ...this.#manifest.versions } });
    } else if (event.type === "run_finished") {
      const { outcome, message } = event;
      this.#rewrite({ finished: this.now().toISOString(), outcome, message });
    }
    return event;
  }

  prepare(trial: string, part: "checkpoint" | "model", step: number): string {
    return prepareFolder(join(this.directory, partFolder(trial, part, step)));
  }

  complete(
    trial: string,
    part: "checkpoint" | "model",
    step: number,
    files: Readonly<Record<string, string>>,
  ): string {
    const folder = partFolder(trial, part, step);
    completeFolder(join(this.directory, folder), files);
    return folder;
  }

  writeSamples(trial: string, step: number, samples: readonly object[]): string {
    const file = samplesFile(trial, step);
    const path = join(this.directory, file);
    makeFolder(dirname(path));
    writeDurably(path, samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""));
    return file;
  }

  writeEvaluation(evaluation: Parameters<Recorder["writeEvaluation"]>[0]): void {
    writeEvaluation(this.directory, evaluation);
  }

  close(): void {
    this.#journal.close();
  }

  #rewrite(changes: Partial<Manifest>): void {
    this.#manifest = { ...this.#manifest, ...changes };
    writeManifest(this.directory, this.#manifest);
  }

  /** The side file is on disk before the line that names it. */
  #withoutLargeArrays(trial: string | null, happening: Happening): Happening {
    if (
      happening.type !== "step" ||
      trial === null ||
      "file" in happening.episodes ||
      happening.batch <= inlineEpisodes
    ) {
      return happening;
    }
    const file = episodesFile(trial, happening.step);
    const path = join(this.directory, file);
    if (!existsSync(dirname(path))) {
      makeFolder(dirname(path));
    }
    return { ...happening, episodes: { file, ...writeEpisodes(path, happening.episodes) } };
  }
}
