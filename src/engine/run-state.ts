/** Where a run stands: what `advance` (state.ts) makes of its events, and `schedule` acts on. */
import type { FailureKind } from "../journal/events.js";
import type { StopMode } from "./next-action.js";
import type { Plan } from "./plan.js";
import { initialTrial, type TrialState } from "./trial-state.js";

interface RunFailure {
  readonly trial: string | null;
  readonly kind: FailureKind;
  readonly message: string;
  /** Of the configuration, where it led here. */
  readonly key: string | null;
  readonly detail: string | null;
}

export interface RunState {
  readonly phase: "created" | "running" | "concluding" | "done" | "failed" | "interrupted";
  readonly stop: StopMode;
  /** Trials begin only requested actions. */
  readonly paused: boolean;
  /** Trials that work side by side, ≥ 1. */
  readonly parallel: number;
  /** Decisions of a sweep's halving so far, one after each seed. */
  readonly decisions: number;
  /** The next one is being journaled. */
  readonly deciding: boolean;
  /** The first failure: it stops the run. */
  readonly failure: RunFailure | null;
  /** By trial id, in the plan's order. */
  readonly trials: Readonly<Record<string, TrialState>>;
}

export function initialState(plan: Plan): RunState {
  const trials = Object.fromEntries(plan.trials.map((trial) => [trial.id, initialTrial(trial)]));
  const { parallel } = plan;
  return {
    phase: "created",
    stop: "no",
    paused: false,
    parallel,
    decisions: 0,
    deciding: false,
    failure: null,
    trials,
  };
}
