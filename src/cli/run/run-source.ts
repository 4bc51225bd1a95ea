/**
 * Runs as views see them (`RunSource`): the journal is read from its file in any case; what is not
 * in it comes from the engine of this process, or over the socket of another one.
 */
import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Experiment } from "../../config/schema/experiment.js";
import type { RunCommand } from "../../engine/commands.js";
import type { EpisodeText, Observation } from "../../engine/ports.js";
import { readEpisodesFile } from "../../journal/episodes-file.js";
import type { JournalEntry } from "../../journal/event-head.js";
import type { Episodes, JournalEvent } from "../../journal/events.js";
import { JournalIndex } from "../../journal/journal-index.js";
import { connectToRun, type RunLink } from "../../live/client.js";
import type { RunResults } from "../../run-model/run-results.js";
import {
  type ProgressObservation,
  RunGoneError,
  type RunListener,
  type RunSource,
} from "../../run-model/run-source.js";
import { readEvaluationIfAny } from "../../store/evaluation-file.js";
import { readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { checkedPath, runFiles } from "../../store/paths.js";
import { holderOf } from "../../store/run-lock.js";
import { readTexts } from "../../store/texts-file.js";
import { lastLines, workerLogFile } from "../../store/worker-log.js";
import { RecordError } from "../../system/record-error.js";

/** Of a worker's output that a view shows. */
const logBytes = 64 * 1024;

/** What both kinds have in common: the record on disk, and who listens. */
abstract class RecordedRun {
  readonly directory: string;
  readonly id: string;
  protected readonly index: JournalIndex;
  protected readonly listeners = new Set<RunListener>();
  /** Newest of each trial that is in a phase, for listeners that come later. */
  readonly #progress = new Map<string, ProgressObservation>();
  /** By trial: of which state of its file, and its last lines. */
  readonly #logs = new Map<string, { readonly at: string; readonly lines: readonly string[] }>();

  /** @param experiment as the run's manifest has it */
  constructor(
    directory: string,
    readonly experiment: Experiment,
  ) {
    this.directory = resolve(directory);
    this.id = basename(this.directory);
    this.index = new JournalIndex(this.directory);
  }

  *read(): Generator<readonly JournalEntry[]> {
    try {
      yield* this.index.read();
    } catch (error) {
      if (error instanceof RecordError && error.reason === "missing") {
        throw new RunGoneError(error.message, { cause: error });
      }
      throw error;
    }
  }

  event(entry: Pick<JournalEntry, "offset" | "length">): JournalEvent {
    return this.index.event(entry);
  }

  episodes(entry: JournalEntry): Episodes {
    const event = this.index.event(entry);
    if (event.type !== "step") {
      throw new Error(`event ${event.seq} is no step: it has no episodes`);
    }
    const { episodes } = event;
    return "file" in episodes
      ? readEpisodesFile(join(this.directory, checkedPath(episodes.file)), episodes.sha256)
      : episodes;
  }

  texts(trial: string, step: number): readonly EpisodeText[] {
    return readTexts(this.directory, trial, step);
  }

  workerLog(trial: string): readonly string[] {
    const path = workerLogFile(this.directory, trial);
    const stat = statSync(path, { throwIfNoEntry: false });
    const at = stat === undefined ? "" : `${stat.ino} ${stat.size}`;
    const known = this.#logs.get(trial);
    if (known?.at === at) return known.lines;
    const lines = stat === undefined ? [] : lastLines(path, logBytes);
    this.#logs.set(trial, { at, lines });
    return lines;
  }

  results(): RunResults {
    const files = [runFiles.reportHtml, runFiles.reportMarkdown];
    const reports = files
      .map((file) => join(this.directory, file))
      .filter((path) => existsSync(path));
    try {
      return { evaluation: readEvaluationIfAny(this.directory), reports, problem: null };
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      return { evaluation: null, reports, problem: error.message };
    }
  }

  listen(listener: RunListener): () => void {
    this.listeners.add(listener);
    for (const progress of this.#progress.values()) {
      listener.progress(progress);
    }
    return () => this.listeners.delete(listener);
  }

  protected tellJournal(trial?: string | null): void {
    if (trial === undefined) {
      this.#progress.clear();
    } else if (trial !== null) {
      this.#progress.delete(trial);
    }
    for (const listener of this.listeners) {
      listener.journal();
    }
  }

  protected tellProgress(progress: ProgressObservation): void {
    this.#progress.set(progress.trial, progress);
    for (const listener of this.listeners) {
      listener.progress(progress);
    }
  }

  protected tellClosed(): void {
    this.#progress.clear();
    for (const listener of this.listeners) {
      listener.closed();
    }
  }
}

/** A run of this process. */
export class OwnRun extends RecordedRun implements RunSource {
  readonly foreground = true;
  #live = true;

  constructor(
    directory: string,
    experiment: Experiment,
    private readonly commands: { ask(command: RunCommand): string | null },
  ) {
    super(directory, experiment);
  }

  get live(): boolean {
    return this.#live;
  }

  get held(): boolean {
    return this.#live;
  }

  observe(observation: Observation): void {
    if (observation.kind === "event") {
      this.tellJournal(observation.event.trial);
    } else {
      this.tellProgress(observation);
    }
  }

  async ask(command: RunCommand): Promise<string | null> {
    return this.commands.ask(command);
  }

  /** The engine has come to its end. */
  end(): void {
    if (this.#live) {
      this.#live = false;
      this.tellClosed();
    }
  }
}

/** Milliseconds between looks whether somebody has taken the run up (again). */
const lookEvery = 500;

/** A run of another process, or one that is over; a later controller is found. */
export class AttachedRun extends RecordedRun implements RunSource {
  readonly foreground = false;
  #link: RunLink | null = null;
  #held = false;
  #connecting = false;
  #closed = false;
  readonly #timer: NodeJS.Timeout;

  private constructor(directory: string, experiment: Experiment) {
    super(directory, experiment);
    this.#timer = setInterval(() => void this.#look(), lookEvery).unref();
  }

  /**
   * Settles when it is known whether the run lives.
   *
   * @throws {RecordError} its manifest is missing or damaged
   */
  static async open(directory: string): Promise<AttachedRun> {
    const experiment = recordedExperiment(readManifest(directory), directory);
    const run = new AttachedRun(directory, experiment);
    await run.#connect();
    return run;
  }

  get live(): boolean {
    return this.#link !== null;
  }

  get held(): boolean {
    return this.live || this.#held;
  }

  async ask(command: RunCommand): Promise<string | null> {
    try {
      return this.#link === null ? "no controller is running" : await this.#link.ask(command);
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Closes the view's connection; the run continues. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#link?.close();
  }

  async #connect(): Promise<void> {
    this.#connecting = true;
    try {
      const link = await connectToRun(this.directory, {
        onJournal: () => this.tellJournal(),
        onProgress: (progress) => this.tellProgress(progress),
        onClosed: () => this.#lost(),
      });
      this.#link = link;
      if (this.#closed) {
        link?.close();
      }
    } catch {
      // For example, the folder itself is gone.
    } finally {
      this.#connecting = false;
    }
    this.#held = this.#hasHolder();
  }

  #hasHolder(): boolean {
    try {
      return holderOf(this.directory) !== null;
    } catch {
      // As for `#connect`.
      return false;
    }
  }

  #lost(): void {
    this.#link = null;
    this.#held = this.#hasHolder();
    if (!this.#closed) {
      this.tellClosed();
    }
  }

  /** Without a socket the journal can grow all the same: on another machine, say. */
  async #look(): Promise<void> {
    if (this.#link !== null || this.#connecting) {
      return;
    }
    const { held } = this;
    // Asked first: whoever made it grow can be connected to by now, if at all. Otherwise a view would
    // see that its run goes on and could not steer it yet.
    const hasGrown = this.#hasGrown();
    await this.#connect();
    if (this.live || hasGrown) {
      this.tellJournal();
    }
    if (held && !this.held && !this.#closed) {
      this.tellClosed();
    }
  }

  #hasGrown(): boolean {
    const stat = statSync(join(this.directory, runFiles.journal), { throwIfNoEntry: false });
    return (stat?.size ?? 0) > this.index.offset;
  }
}
