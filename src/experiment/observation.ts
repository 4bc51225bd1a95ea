/** What a run shows of itself while it runs: its journal's events, and progress between them. */
import type { JournalEvent } from "./events.js";

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
    };

export type Observer = (observation: Observation) => void;
