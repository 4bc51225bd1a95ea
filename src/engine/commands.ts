/** Commands to a running run, and when they do not apply. Pure. */

import type { Trial } from "../config/trials.js";
import type { EventPayload } from "../journal/events.js";
import { canBeEvaluated, hasUnsavedWork } from "./next-action.js";
import type { Plan } from "./plan.js";
import type { RunState } from "./run-state.js";
import type { TrialState } from "./trial-state.js";

export const runCommands = [
  "pause",
  "continue",
  "checkpoint",
  "evaluate",
  "stop",
  "abort",
] as const;

/** `stop`: after the steps in hand · `abort`: at once. */
export type RunCommand = (typeof runCommands)[number];

export interface Refusal {
  /** Why the command does not apply, in words for the user. */
  readonly refused: string;
}

/** The event that carries a command out, or the reason why there is nothing to carry out. */
export function commanded(
  plan: Plan,
  state: RunState,
  command: RunCommand,
): EventPayload | Refusal {
  if (state.phase !== "running") {
    return { refused: notRunning[state.phase] };
  }
  if (command === "stop" || command === "abort") {
    return stopping(state, command === "stop" ? "after-step" : "now");
  }
  if (state.stop !== "no") {
    return { refused: "the run is stopping" };
  }
  switch (command) {
    case "pause":
      return state.paused ? { refused: "the run is already paused" } : { type: "paused" };
    case "continue":
      return state.paused ? { type: "continued" } : { refused: "the run is not paused" };
    case "checkpoint": {
      const trials = trialsThat(plan, state, willHaveUnsavedWork);
      return trials.length > 0
        ? { type: "checkpoint_requested", trials }
        : { refused: "no trial has trained since its last checkpoint" };
    }
    case "evaluate": {
      const trials = trialsThat(plan, state, willHaveNewPolicy);
      return trials.length > 0
        ? { type: "evaluation_requested", trials }
        : { refused: "no trial has a policy that is not evaluated already" };
    }
  }
}

const notRunning: Readonly<Record<Exclude<RunState["phase"], "running">, string>> = {
  created: "the run is just starting",
  concluding: "the run is ending",
  done: "the run is done",
  failed: "the run has failed",
  interrupted: "the run is interrupted",
};

function stopping({ stop }: RunState, how: "after-step" | "now"): EventPayload | Refusal {
  return stop === how || stop === "now"
    ? { refused: "the run is already stopping" }
    : { type: "stop_requested", how };
}

function trialsThat(
  plan: Plan,
  state: RunState,
  holds: (trial: Trial, own: TrialState) => boolean,
): string[] {
  return plan.trials
    .filter((trial) => {
      const own = state.trials[trial.id]!;
      return own.phase === "running" && own.worker === "loaded" && holds(trial, own);
    })
    .map(({ id }) => id);
}

/** Now, or as soon as the step in hand is done. */
function willHaveUnsavedWork(trial: Trial, own: TrialState): boolean {
  return own.inHand === "step" ? own.canSave : hasUnsavedWork(trial, own);
}

function willHaveNewPolicy(trial: Trial, own: TrialState): boolean {
  return own.inHand === "step" || canBeEvaluated(trial, own);
}
