/** What the state machine asks the engine to do. */
import type { EventPayload } from "../journal/events.js";
import type { RiskMemory } from "../risk/memory.js";

/** One at a time in hand a trial; each is answered by exactly one event that ends it. */
export type TrialAction =
  /** Start a worker, after `delay` seconds → worker_opened. */
  | { readonly kind: "open"; readonly trial: string; readonly delay: number }
  /** Load models and data → trial_started, then worker_ready. */
  | {
      readonly kind: "load";
      readonly trial: string;
      /** Null: the configured one. */
      readonly device: string | null;
      /** Model folder to start from, relative to the run folder; null: `policy.model`. */
      readonly from: string | null;
    }
  /** Put a checkpoint's state into the loaded worker → restored, or checkpoint_damaged. */
  | {
      readonly kind: "restore";
      readonly trial: string;
      readonly step: number;
      readonly path: string;
      /** sha256 of its digest file. */
      readonly digest: string;
      /** Iterations of the next older checkpoint; null: there is none. */
      readonly older: number | null;
    }
  | { readonly kind: "sft"; readonly trial: string }
  | {
      readonly kind: "step";
      readonly trial: string;
      /** m. */
      readonly step: number;
      readonly beta: number;
      /** Generated tokens × passes so far. */
      readonly compute: number;
      readonly memory: RiskMemory;
    }
  | {
      readonly kind: "evaluate";
      readonly trial: string;
      readonly step: number;
      readonly compute: number;
      readonly final: boolean;
    }
  /** → checkpoint_saved, or checkpoint_failed. */
  | {
      readonly kind: "checkpoint";
      readonly trial: string;
      readonly step: number;
      readonly beta: number;
      readonly compute: number;
      readonly memory: RiskMemory;
    }
  | { readonly kind: "export"; readonly trial: string; readonly step: number }
  /** Close the worker of a trial that is complete → trial_finished. */
  | { readonly kind: "finish"; readonly trial: string }
  /** Close the worker of a trial that is stopped → trial_interrupted. */
  | {
      readonly kind: "release";
      readonly trial: string;
      readonly step: number;
      readonly saved: number | null;
    };

export interface Discarded {
  readonly step: number;
  /** Relative to the run folder. */
  readonly path: string;
}

export type Action =
  | TrialAction
  /**
   * Abort the trial's action in hand, which then ends with action_interrupted, or with its
   * own event where it was faster. `hard`: don't wait for the worker's consent.
   */
  | { readonly kind: "interrupt"; readonly trial: string; readonly hard: boolean }
  /** Remove checkpoints that are no longer kept; each is journaled as checkpoint_dropped. */
  | { readonly kind: "discard"; readonly trial: string; readonly points: readonly Discarded[] }
  /** Journal which points of a sweep go on → points_dropped. */
  | {
      readonly kind: "decide";
      readonly decision: Extract<EventPayload, { type: "points_dropped" }>;
    }
  /** All trials are at rest: write the results → run_finished. */
  | { readonly kind: "conclude"; readonly outcome: "done" | "failed" | "interrupted" };
