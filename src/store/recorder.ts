/** A run's record on disk, as the engine writes it. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type {
  CompletePart,
  EpisodeText,
  KeptCompletion,
  Position,
  Recorder,
  StoredArtifact,
} from "../engine/ports.js";
import { writeEpisodesFile } from "../journal/episodes-file.js";
import type { CompletionsFile, EventPayload, JournalEvent } from "../journal/events.js";
import type { JournalWriter } from "../journal/writer.js";
import { makeFolder, writeDurably } from "../system/durable-files.js";
import { RecordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";
import { parquetBytes } from "../tables/write-table.js";
import {
  abandonFolder,
  completeFolder,
  linkFiles,
  prepareFolder,
  removeFolder,
} from "./complete-folder.js";
import { completionColumns } from "./completion-columns.js";
import { writeWithDigests } from "./digest-list.js";
import { checkFolder, digestsText } from "./digests.js";
import { evaluationDigest, writeEvaluation } from "./evaluation-file.js";
import { type Manifest, type Provenance, writeManifest } from "./manifest/manifest.js";
import { completedManifest, manifestAfter, resumedManifest } from "./manifest/progress.js";
import {
  checkedPath,
  completionsFile,
  digestListOf,
  episodesFile,
  partFolder,
  samplesFile,
  stacksFile,
  textsFile,
} from "./paths.js";
import { ProgressFile } from "./progress-file.js";
import type { RunLock } from "./run-lock.js";
import type { RunProgress } from "./run-progress.js";
import { writeTexts } from "./texts-file.js";

/** Above so many episodes per step's arrays lie in a file of their own. */
const inlineEpisodes = 4096;

export interface RunRecorder extends Recorder {
  /** Of the manifest as it stands. */
  readonly manifest: Manifest;
  /** Closes the journal and gives the run free; nothing can be written afterwards. Safe twice. */
  close(): void;
}

export interface RecordParts {
  readonly directory: string;
  /** As it stands on disk. */
  readonly manifest: Manifest;
  /** Of this controller, not of the one that began the run. */
  readonly provenance: Provenance;
  readonly journal: JournalWriter;
  /** Of the journal as it stands. */
  readonly progress: RunProgress;
  readonly lock: RunLock;
  /** The time of day. */
  readonly now: () => Date;
}

export class DiskRecorder implements RunRecorder {
  readonly #progress: ProgressFile;
  #manifest: Manifest;
  #closed = false;

  constructor(private readonly parts: RecordParts) {
    this.#progress = new ProgressFile(parts.directory, parts.progress);
    this.#manifest = parts.manifest;
  }

  get directory(): string {
    return this.parts.directory;
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  append(trial: string | null, eventPayload: EventPayload): JournalEvent {
    const event = this.parts.journal.append(trial, this.#withoutLargeArrays(trial, eventPayload));
    const manifest = this.#manifestAfter(event);
    if (manifest !== this.#manifest) {
      writeManifest(this.directory, manifest);
      this.#manifest = manifest;
    }
    this.#progress.take(event, this.parts.journal.end);
    return event;
  }

  prepare(trial: string, part: "checkpoint" | "model", step: number): string {
    return prepareFolder(join(this.directory, partFolder(trial, part, step)));
  }

  link({ folder: from, files }: StoredArtifact, folder: string): boolean {
    return linkFiles(from, folder, Object.keys(files));
  }

  complete(
    trial: string,
    part: "checkpoint" | "model",
    step: number,
    files: Readonly<Record<string, string>>,
    position?: Position,
  ): CompletePart {
    const path = partFolder(trial, part, step);
    return { path, digest: completeFolder(join(this.directory, path), files, position) };
  }

  abandon(trial: string, part: "checkpoint" | "model", step: number): void {
    abandonFolder(join(this.directory, partFolder(trial, part, step)));
  }

  remove(path: string): void {
    removeFolder(join(this.directory, checkedPath(path)));
  }

  async intact(path: string, digest: string): Promise<string> {
    const folder = join(this.directory, checkedPath(path));
    const { findings } = await checkFolder(folder, digest);
    const [first] = findings;
    if (first !== undefined) {
      throw new RecordError("damaged", `${join(folder, first.file)}: ${first.message}`);
    }
    return folder;
  }

  intactModel(path: string, files: Readonly<Record<string, string>>): Promise<string> {
    return this.intact(path, sha256Of(digestsText(files)));
  }

  writeStacks(trial: string, text: string): string {
    const file = this.#firstFree((nth) => stacksFile(trial, nth));
    writeDurably(join(this.directory, file), text);
    return file;
  }

  writeSamples(trial: string, step: number, samples: readonly object[]): string {
    const file = samplesFile(trial, step);
    const path = join(this.directory, file);
    makeFolder(dirname(path));
    const text = samples.map((sample) => `${JSON.stringify(sample)}\n`).join("");
    writeWithDigests(dirname(path), digestListOf(basename(path)), { [basename(path)]: text });
    return file;
  }

  writeTexts(trial: string, step: number, texts: readonly EpisodeText[]): void {
    writeTexts(join(this.directory, textsFile(trial, step)), texts);
  }

  writeCompletions(trial: string, step: number, rows: readonly KeptCompletion[]): CompletionsFile {
    // What an earlier event names stays as it was.
    const file = this.#firstFree((nth) => completionsFile(trial, step, nth));
    const path = join(this.directory, file);
    if (!existsSync(dirname(path))) {
      makeFolder(dirname(path));
    }
    const bytes = parquetBytes(completionColumns, rows);
    writeDurably(path, bytes);
    return { file, sha256: sha256Of(bytes), rows: rows.length };
  }

  writeEvaluation(evaluation: Parameters<Recorder["writeEvaluation"]>[0]): void {
    writeEvaluation(this.directory, evaluation);
  }

  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.parts.journal.close();
      this.parts.lock.release();
    }
  }

  #manifestAfter(event: JournalEvent): Manifest {
    const { journal, provenance, now } = this.parts;
    switch (event.type) {
      case "run_resumed":
        return resumedManifest(this.#manifest, provenance, now());
      case "run_finished": {
        const { seq: events, checksum } = journal.end;
        const evaluation = evaluationDigest(this.directory);
        return completedManifest(this.#manifest, event, { events, checksum }, evaluation);
      }
      default:
        return manifestAfter(this.#manifest, event);
    }
  }

  /** The side file is on disk before the line that names it. */
  #withoutLargeArrays(trial: string | null, eventPayload: EventPayload): EventPayload {
    if (
      eventPayload.type !== "step" ||
      trial === null ||
      "file" in eventPayload.episodes ||
      eventPayload.batch <= inlineEpisodes
    ) {
      return eventPayload;
    }
    // What an earlier event names stays as it was.
    const file = this.#firstFree((nth) => episodesFile(trial, eventPayload.step, nth));
    const path = join(this.directory, file);
    if (!existsSync(dirname(path))) {
      makeFolder(dirname(path));
    }
    return {
      ...eventPayload,
      episodes: { file, ...writeEpisodesFile(path, eventPayload.episodes) },
    };
  }

  /** @param fileOf relative to the run folder; nth: from 1 */
  #firstFree(fileOf: (nth: number) => string): string {
    let nth = 1;
    while (existsSync(join(this.directory, fileOf(nth)))) {
      nth += 1;
    }
    return fileOf(nth);
  }
}
