/**
 * What a run's progress view knows, folded from observations. Pure: the time is handed in, so the
 * same list of observations gives the same state, live or replayed.
 */
import type { JournalEvent } from "../experiment/events.js";
import type { Observation } from "../experiment/observation.js";
import {
  type PlannedTrial,
  startedTrial,
  type TrialProgress,
  trialAfter,
  wentBack,
} from "./trial-progress.js";

export interface ProgressState {
  readonly name: string;
  /** Trials that work side by side. */
  readonly parallel: number;
  /** Seconds on the caller's clock. */
  readonly startedAt: number;
  /** In the plan's order. */
  readonly trials: readonly TrialProgress[];
  readonly stopping: "no" | "after-step" | "now";
  readonly outcome: "done" | "failed" | "interrupted" | null;
  /** The last one; the journal has them all. */
  readonly warning: string | null;
}

export function startProgress(
  name: string,
  trials: readonly PlannedTrial[],
  parallel: number,
  now: number,
): ProgressState {
  return {
    name,
    parallel,
    startedAt: now,
    trials: trials.map(startedTrial),
    stopping: "no",
    outcome: null,
    warning: null,
  };
}

/** @param now seconds, on the clock that `startProgress` was given */
export function afterObservation(
  state: ProgressState,
  observation: Observation,
  now: number,
): ProgressState {
  const trial = observation.kind === "event" ? observation.event.trial : observation.trial;
  const run = observation.kind === "event" ? afterRunEvent(state, observation.event) : state;
  const at = run.trials.findIndex(({ id }) => id === trial);
  const before = run.trials[at];
  if (before === undefined) {
    return run;
  }
  const after = trialAfter(before, observation, now);
  return after === before ? run : { ...run, trials: run.trials.with(at, after) };
}

function afterRunEvent(state: ProgressState, event: JournalEvent): ProgressState {
  switch (event.type) {
    case "run_started": {
      // A view that was given no plan learns the names here, and the rest as trials start.
      const known = new Set(state.trials.map(({ id }) => id));
      const unknown = event.trials.filter((id) => !known.has(id));
      const added = unknown.map((id) => startedTrial({ id, stage: "rl", iterations: 0 }));
      return {
        ...state,
        name: event.name,
        parallel: event.parallel,
        trials: [...state.trials, ...added],
      };
    }
    case "run_resumed": {
      const { parallel, from } = event;
      const trials = state.trials.map((trial) =>
        trial.id in from
          ? { ...wentBack(trial, from[trial.id]!), status: "waiting" as const }
          : trial,
      );
      return { ...state, parallel, trials, stopping: "no", outcome: null };
    }
    case "stop_requested":
      return { ...state, stopping: event.how };
    case "run_finished":
      return { ...state, outcome: event.outcome };
    case "warning":
      return { ...state, warning: event.message };
    default:
      return state;
  }
}
