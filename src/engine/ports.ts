/**
 * Everything the engine needs from outside: workers, the record on disk, a clock. The engine
 * imports no socket, process or file; the command line composes these.
 */
import type { Evaluation } from "../analysis/evaluation.js";
import type { EventPayload, FailureKind, JournalEvent } from "../journal/events.js";
import type { Result } from "../protocol/messages.js";
import type { Worker } from "../worker/contract.js";
import type { RunCommand } from "./commands.js";

/** The run's memory on disk (`record/`). Every method returns once the data is on disk. */
export interface Recorder {
  /** Absolute path of the run folder. */
  readonly directory: string;
  /**
   * Stamps, appends and returns the event, as a reader of the journal will see it (the arrays of
   * very large batches move to a file of their own).
   */
  append(trial: string | null, eventPayload: EventPayload): JournalEvent;
  /** Makes the empty folder that a worker writes a checkpoint or model into; absolute path. */
  prepare(trial: string, part: "checkpoint" | "model", step: number): string;
  /**
   * Writes the digest file and renames into place.
   *
   * @param files file name → sha256, as the worker wrote them
   * @param position the controller's own part of a checkpoint, written beside the worker's files
   */
  complete(
    trial: string,
    part: "checkpoint" | "model",
    step: number,
    files: Readonly<Record<string, string>>,
    position?: Position,
  ): CompletePart;
  /** Removes what a worker could not finish writing. */
  abandon(trial: string, part: "checkpoint" | "model", step: number): void;
  /** Removes a complete checkpoint; `path` as `complete` gave it. */
  remove(path: string): void;
  /**
   * The absolute path of a complete checkpoint, after its files were found to match their digests.
   *
   * @param digest sha256 of its digest file, as `complete` gave it
   * @throws {RecordError} `damaged`: names the file
   */
  intact(path: string, digest: string): Promise<string>;
  /**
   * The absolute path of a complete model, after its files were found to be those exported.
   *
   * @param files file name → sha256, as the event of its export has them
   * @throws {RecordError} `damaged`, `missing`: names the file
   */
  intactModel(path: string, files: Readonly<Record<string, string>>): Promise<string>;
  /** Keeps the stacks of a hung worker's threads; path relative to the run folder. */
  writeStacks(trial: string, text: string): string;
  /** Texts for reading; path relative to the run folder. */
  writeSamples(trial: string, step: number, samples: readonly object[]): string;
  /**
   * Texts of a step's worst episodes, in place of those it may have had before. The one exception:
   * it does not wait for the disk, for nothing hangs on them.
   */
  writeTexts(trial: string, step: number, texts: readonly EpisodeText[]): void;
  writeEvaluation(evaluation: Evaluation): void;
  /**
   * What an earlier load of the same prompts and rewards scored.
   *
   * @param digest `scores_digest` of the split, as reported by the worker
   * @returns null: none is kept
   * @throws {RecordError} `damaged`: the cached scores do not match their checksum
   */
  promptScores(digest: string): PromptScores | null;
  /** Keeps them for later loads, in place of those that may be there. */
  keepPromptScores(digest: string, scores: PromptScores): void;
}

/** Raw scores of a split's prompts alone, per reward component, in the order of the prompts. */
export type PromptScores = readonly { readonly name: string; readonly scores: Float32Array }[];

/** Prompt and completion of one episode of a step, as the worker answers them. */
export type EpisodeText = Result<"texts">["texts"][number];

/** Where the controller stands at a checkpoint; the worker's part lies beside it. */
export interface Position {
  readonly trial: string;
  /** Iterations done: cursor of the prompt sampler and of the risk schedule. */
  readonly step: number;
  /** β of the next iteration. */
  readonly beta: number;
  /** Generated tokens × passes of kept episodes so far. */
  readonly compute: number;
}

export interface CompletePart {
  /** Relative to the run folder. */
  readonly path: string;
  /** sha256 of the digest file. */
  readonly digest: string;
}

/** @returns takes the listener back; its answer to a command is null, or why it does not apply. */
export type CommandSource = (listener: (command: RunCommand) => string | null) => () => void;

export interface Ports {
  /**
   * Starts a worker for one trial; it may wait for its first command while others work.
   *
   * @param abandon aborted: the worker is no longer needed, so opening should fail
   *   soon; one that opens all the same is closed
   */
  openWorker(trial: string, abandon: AbortSignal): Promise<Worker>;
  readonly recorder: Recorder;
  /** Seconds, monotonic. */
  clock(): number;
  /** Resolves after so many seconds, or as soon as nobody waits any more. */
  wait(seconds: number, abandoned: AbortSignal): Promise<void>;
  readonly observe: Observer;
  /** Where users' commands come from; none: they cannot give any. */
  readonly commands?: CommandSource;
  /** Aborted: finish the steps in hand, checkpoint, stop. */
  readonly stop: AbortSignal;
  /** Aborted, before, with or after `stop`: abort everything at once. */
  readonly abort: AbortSignal;
}

export type RunOutcome =
  | { readonly outcome: "done"; readonly evaluation: Evaluation }
  | { readonly outcome: "interrupted" }
  | {
      readonly outcome: "failed";
      /** `input` → exit 2, all else → exit 3. */
      readonly kind: FailureKind;
      /** Null: the run as a whole, after its trials. */
      readonly trial: string | null;
      readonly message: string;
      /** Of the configuration, where it led here. */
      readonly key: string | null;
      readonly detail: string | null;
    };

/** What a run shows of itself while it runs: its journal's events, and progress between them. */
export type Observation =
  | { readonly kind: "event"; readonly event: JournalEvent }
  | {
      readonly kind: "progress";
      readonly trial: string;
      /** import, load, sft, sample, reference, reward, update, evaluate, save, … */
      readonly phase: string;
      readonly done: number;
      /** 0: unknown. */
      readonly total: number;
      readonly unit: string;
      /** Of the training in hand; null: there is none. */
      readonly loss: number | null;
    };

export type Observer = (observation: Observation) => void;
