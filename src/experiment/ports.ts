/**
 * Everything the engine needs from outside: workers, the record on disk, a clock. The engine
 * imports no socket, process or file; the command line composes these.
 */
import type { Worker } from "../worker.js";
import type { Evaluation } from "./evaluation.js";
import type { FailureKind, Happening, JournalEvent } from "./events.js";
import type { Observer } from "./observation.js";

/** The run's memory on disk (`record/`). Every method returns once the data is on disk. */
export interface Recorder {
  /** Absolute path of the run folder. */
  readonly directory: string;
  /**
   * Stamps, appends and returns the event, as a reader of the journal will see it (the arrays of
   * very large batches move to a file of their own).
   */
  append(trial: string | null, happening: Happening): JournalEvent;
  /** Makes the empty folder that a worker writes a checkpoint or model into; absolute path. */
  prepare(trial: string, part: "checkpoint" | "model", step: number): string;
  /** Writes the digest file and renames into place; path relative to the run folder. */
  complete(
    trial: string,
    part: "checkpoint" | "model",
    step: number,
    files: Readonly<Record<string, string>>,
  ): string;
  /** Texts for reading; path relative to the run folder. */
  writeSamples(trial: string, step: number, samples: readonly object[]): string;
  writeEvaluation(evaluation: Evaluation): void;
}

export interface Ports {
  /**
   * Starts a worker for one trial; it may wait for its first command while others work.
   *
   * @param abandon aborted: nobody waits for this worker any more, so that opening should fail
   *   soon; one that opens all the same is closed
   */
  openWorker(trial: string, abandon: AbortSignal): Promise<Worker>;
  readonly recorder: Recorder;
  /** Seconds, monotonic. */
  clock(): number;
  readonly observe: Observer;
  /** Aborted: finish the steps in hand, checkpoint, stop. */
  readonly stop: AbortSignal;
  /** Aborted, before, with or after `stop`: break off everything at once. */
  readonly halt: AbortSignal;
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
      readonly detail: string | null;
    };
