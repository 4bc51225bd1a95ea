/** What a view needs of a run, wherever it is: in this process, in another, or over. */
import type { Experiment } from "../config/schema/experiment.js";
import type { RunCommand } from "../engine/commands.js";
import type { EpisodeText, Observation } from "../engine/ports.js";
import type { JournalEntry } from "../journal/event-head.js";
import type { Episodes, JournalEvent } from "../journal/events.js";
import type { RunResults } from "./run-results.js";

export type ProgressObservation = Extract<Observation, { kind: "progress" }>;

export interface RunListener {
  /** The journal has grown: `read` gives more. */
  journal(): void;
  progress(progress: ProgressObservation): void;
  /** No controller is running: the run has ended, or its controller died. It may be resumed. */
  closed(): void;
}

/** There is no journal where the run was: its folder was deleted or moved, and may come back. */
export class RunGoneError extends Error {
  override readonly name = "RunGoneError";
}

export interface RunSource {
  /** Absolute path of the run folder. */
  readonly directory: string;
  /** Folder name. */
  readonly id: string;
  /** The run lives in this process: leaving the view would stop it. */
  readonly foreground: boolean;
  /**
   * The whole lines that the journal has got since the last call, a chunk at a time.
   *
   * @throws {RunGoneError} there is no journal
   * @throws {Error} it cannot be read
   */
  read(): Iterable<readonly JournalEntry[]>;
  /** As the manifest has it. */
  readonly experiment: Experiment;
  /** One event in full. */
  event(entry: Pick<JournalEntry, "offset" | "length">): JournalEvent;
  /**
   * Of a step, also where they lie in a file of their own.
   *
   * @throws {Error} of the file system; a file that is damaged
   */
  episodes(entry: JournalEntry): Episodes;
  /** Of the episodes that were kept for reading; empty: none were. */
  texts(trial: string, step: number): readonly EpisodeText[];
  /** The last lines of what the trial's worker printed; the same list while nothing is added. */
  workerLog(trial: string): readonly string[];
  /** As far as they are on disk by now. */
  results(): RunResults;
  /** @returns takes the listener back */
  listen(listener: RunListener): () => void;
  /** Whether it can be steered from here, now. */
  readonly live: boolean;
  /** Whether a controller has it, be it one that cannot be reached from here. */
  readonly held: boolean;
  /** @returns null: carried out; or why it does not apply */
  ask(command: RunCommand): Promise<string | null>;
}
