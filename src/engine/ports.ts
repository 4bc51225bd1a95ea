/**
 * Everything the engine needs from outside: workers, the record on disk, a clock. The engine
 * imports no socket, process or file; the command line composes these.
 */
import type { Evaluation } from "../analysis/evaluation.js";
import type {
  CompletionsFile,
  EventPayload,
  FailureKind,
  JournalEvent,
} from "../journal/events.js";
import type { Result } from "../protocol/messages.js";
import type { RiskMemory } from "../risk/memory.js";
import type { Worker } from "../worker/contract.js";
import type { RunCommand } from "./commands.js";

/** The run's memory on disk (`store/`). Every method returns once the data is on disk. */
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
  /**
   * Puts the files of an artifact into a prepared folder, without copying where that can be.
   *
   * @returns false: not all of them; what was put there is of no use
   */
  link(artifact: StoredArtifact, folder: string): boolean;
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
  /**
   * Completions of a step for whoever analyses them, in a file of their own also where the step was
   * done before.
   *
   * @returns what the step's event is to say of the file
   */
  writeCompletions(trial: string, step: number, rows: readonly KeptCompletion[]): CompletionsFile;
  writeEvaluation(evaluation: Evaluation): void;
}

/** An episode with its texts; null: it has no reward. */
export interface KeptCompletion {
  readonly episode: number;
  /** In the train set. */
  readonly prompt_id: number;
  readonly prompt: string;
  readonly completion: string;
  /** Raw. */
  readonly reward: number | null;
  /** Nats, summed over tokens. */
  readonly kl: number | null;
  /** KL in. */
  readonly return: number | null;
  readonly tokens: number;
  /** Of the risk measure. */
  readonly weight: number;
}

/** What stages make, kept on disk for all experiments by the digest of all that it follows from. */
export interface Artifacts {
  /** Absolute path of the folder of all artifacts. */
  readonly directory: string;
  /**
   * An artifact, after its files were found to match their digests.
   *
   * @returns null: there is none
   * @throws {RecordError} `damaged`: names the file; others where the folder cannot be read
   */
  find(digest: string): Promise<StoredArtifact | null>;
  /**
   * The artifact that is kept, or the one that `build` makes. Of two that want the same at once one
   * makes it, and the other waits for it; one whose maker died is made by the next.
   *
   * @throws {RecordError} `space`, `permission`, …; whatever `build` throws: nothing is kept then
   */
  obtain(
    wanted: WantedArtifact,
    build: ArtifactBuild,
    observer: ArtifactObserver,
  ): Promise<ObtainedArtifact>;
  /**
   * What an earlier load of the same prompts and rewards scored, in this run or another.
   *
   * @param digest `scores_digest` of the split, as reported by the worker
   * @returns null: none is kept
   * @throws {RecordError} `damaged`: the cached scores do not match their checksum
   */
  promptScores(digest: string): PromptScores | null;
  /** Keeps them for later loads, in place of those that may be there. */
  keepPromptScores(
    digest: string,
    scores: PromptScores,
    facts: Pick<WantedArtifact, "name" | "inputs">,
  ): void;
}

export type ArtifactKind =
  | "language_model"
  | "classifier"
  | "reward_model"
  | "sft"
  | "prompt_scores";

export interface WantedArtifact {
  /** sha256 of all that it follows from. */
  readonly digest: string;
  readonly kind: ArtifactKind;
  /** For people: of the stage, the trial or the split. */
  readonly name: string;
  /** What it is made from, by role: file → sha256. */
  readonly inputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface StoredArtifact extends WantedArtifact {
  /** Absolute path. */
  readonly folder: string;
  /** File → sha256. */
  readonly files: Readonly<Record<string, string>>;
  readonly bytes: number;
  /** That making it took. */
  readonly seconds: number;
  /** What the worker told of it. */
  readonly result: Readonly<Record<string, unknown>>;
}

/** Makes the files in an empty folder, whose absolute path it gets. */
export type ArtifactBuild = (
  folder: string,
) => Promise<Pick<StoredArtifact, "files" | "bytes" | "seconds" | "result">>;

export interface ArtifactObserver {
  /** Another makes it: called about twice a second, with its process in words. */
  waiting(holder: string): void;
  /** The one that was kept is damaged and is made again. */
  damaged(message: string): void;
  /** Aborted: nobody waits any more. */
  readonly abandoned: AbortSignal;
}

export interface ObtainedArtifact {
  readonly artifact: StoredArtifact;
  /** It was there, or another made it meanwhile. */
  readonly reused: boolean;
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
  /** What the risk layer carries; absent: nothing. */
  readonly memory?: RiskMemory;
}

export interface CompletePart {
  /** Relative to the run folder. */
  readonly path: string;
  /** sha256 of the digest file. */
  readonly digest: string;
}

/** @returns takes the listener back; its answer to a command is null, or why it does not apply. */
export type CommandSource = (listener: (command: RunCommand) => string | null) => () => void;

export interface SpareWorkers {
  /** The next trial that needs a worker gets this one: torch is imported, models may be in memory. */
  giveBack(worker: Worker): void;
  /** Closes those that no trial took. */
  closeSpares(): Promise<void>;
}

export interface Ports {
  /**
   * A worker for one trial, started or taken from the spares; it may wait for its first command
   * while others work.
   *
   * @param abandon aborted: the worker is no longer needed, so opening should fail
   *   soon; one that opens all the same is closed
   * @param waiting called while it waits in a cluster's queue, with what is known of that
   */
  openWorker(
    trial: string,
    abandon: AbortSignal,
    waiting: (state: string) => void,
  ): Promise<Worker>;
  /** Where workers of trials that are over wait for the next; none: a worker serves one trial. */
  readonly spares?: SpareWorkers;
  readonly recorder: Recorder;
  readonly artifacts: Artifacts;
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
