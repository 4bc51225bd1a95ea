/**
 * Everything the engine needs from outside: workers, the record on disk, a clock. The engine
 * imports no socket, process or file; the command line composes these.
 */
import type { ErrorKind } from "../protocol/messages.js";
import type { Worker } from "../worker.js";
import type { Happening, JournalEvent } from "./events.js";
import type { Evaluation } from "./evaluation.js";
import type { Observer } from "./observation.js";

/** The run's memory on disk (`record/`). Every method returns once the data is on disk. */
export interface Recorder {
  /** Absolute path of the run folder. */
  readonly directory: string;
  /** Stamps, appends and returns the event. */
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
  /** Starts a worker for one trial; `threads` and device come from the configuration. */
  openWorker(trial: string): Promise<Worker>;
  readonly recorder: Recorder;
  /** Seconds, monotonic. */
  clock(): number;
  readonly observe: Observer;
  /** Aborted: once → finish the step, checkpoint and stop; the reason `"now"` → stop at once. */
  readonly stop: AbortSignal;
}

export type RunOutcome =
  | { readonly outcome: "done"; readonly evaluation: Evaluation }
  | { readonly outcome: "interrupted" }
  | {
      readonly outcome: "failed";
      /** `input` → exit 2, all else → exit 3. */
      readonly kind: ErrorKind | "lost";
      readonly trial: string;
      readonly message: string;
      readonly detail: string | null;
    };
