/** A run in one line of a list: what it is, how it stands, how far it came. */
import type { RunModel } from "./run-model.js";

/**
 * `running`, `paused`, `stopping`: a controller has it (one on another machine has it until it
 * says otherwise) · `stopped`: it has no end, and no controller · `damaged` · `incompatible`: another
 * version of the program wrote it.
 */
export type RunSummaryState = RunModel["state"] | "damaged" | "incompatible";

/** What people wrote about a run. Untrusted. */
export interface RunNotes {
  /** Empty: none. */
  readonly title: string;
  readonly tags: readonly string[];
  /** Empty: none. */
  readonly note: string;
}

export const noNotes: RunNotes = { title: "", tags: [], note: "" };

export interface RunSummary extends RunNotes {
  /** Folder name. */
  readonly id: string;
  /** Absolute or as the runs folder was given. */
  readonly directory: string;
  readonly name: string;
  readonly purpose: string;
  readonly state: RunSummaryState;
  /** ISO 8601; null when the manifest is damaged. */
  readonly started: string | null;
  readonly finished: string | null;
  readonly trials: number;
  readonly trialsDone: number;
  /** Trial of the last step. */
  readonly trial: string | null;
  /** Iterations that trial has done. */
  readonly step: number | null;
  /** M of that trial. */
  readonly iterations: number | null;
  /** Of the last step's returns at the target α. */
  readonly cvar: number | null;
  /** Until it is done; null: it does not run, or too little is known. */
  readonly etaSeconds: number | null;
  /** Why it failed, or what is damaged. */
  readonly message: string | null;
}
