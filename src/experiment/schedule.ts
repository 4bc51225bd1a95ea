/** Which trial does what next: slots for those that work, early starts for those that wait. */
import type { Action, TrialAction } from "./actions.js";
import { nextAction } from "./next-action.js";
import type { Plan, Trial } from "./plan.js";
import type { RunState } from "./state.js";
import { isOver } from "./trial-state.js";

export interface Turn {
  readonly state: RunState;
  readonly actions: Action[];
}

/** Gives every trial with nothing in hand its next action, as far as slots reach. */
export function schedule(plan: Plan, state: RunState): Turn {
  let current = state;
  const actions: Action[] = [];
  const give = (trial: Trial, action: TrialAction, slot: number | null): void => {
    const before = current.trials[trial.id]!;
    const given = { ...before, phase: "running", slot, inHand: action.kind } as const;
    current = { ...current, trials: { ...current.trials, [trial.id]: given } };
    actions.push(action);
  };
  for (const trial of plan.trials) {
    const own = current.trials[trial.id]!;
    const ready = own.phase === "running" && own.inHand === null;
    if (ready && (own.worker === "loaded" || current.stop !== "no")) {
      give(trial, nextAction(trial, own, plan, current.stop), own.slot);
    } else if (ready && own.slot !== null) {
      give(trial, loading(plan, trial, current, own.slot), own.slot);
    }
  }
  if (current.stop !== "no") {
    return { state: current, actions };
  }
  for (const trial of plan.trials) {
    const own = current.trials[trial.id]!;
    const slot = freeSlot(plan, current);
    if (slot === null) {
      break;
    }
    if (own.slot === null && own.inHand === null && !isOver(own) && canStart(current, trial)) {
      const opened = own.worker === "opened";
      give(trial, opened ? loading(plan, trial, current, slot) : opening(trial), slot);
    }
  }
  for (const trial of plan.trials) {
    // A slot is free and no trial can take it: get the next workers over their slow start.
    if (freeSlot(plan, current) === null || waiting(current) >= plan.parallel) {
      break;
    }
    if (current.trials[trial.id]!.phase === "pending") {
      give(trial, opening(trial), null);
    }
  }
  return { state: current, actions };
}

function opening(trial: Trial): TrialAction {
  return { kind: "open", trial: trial.id };
}

function loading(plan: Plan, trial: Trial, state: RunState, slot: number): TrialAction {
  const device = plan.devices.length > 0 ? plan.devices[slot % plan.devices.length]! : null;
  const from = trial.after === null ? null : state.trials[trial.after]!.model;
  return { kind: "load", trial: trial.id, device, from };
}

/** The policy that it starts from is on disk. */
function canStart(state: RunState, trial: Trial): boolean {
  return trial.after === null || state.trials[trial.after]!.model !== null;
}

/** The lowest slot that no trial holds; null: all are taken. */
function freeSlot(plan: Plan, state: RunState): number | null {
  const taken = new Set(Object.values(state.trials).map(({ slot }) => slot));
  for (let slot = 0; slot < plan.parallel; slot += 1) {
    if (!taken.has(slot)) {
      return slot;
    }
  }
  return null;
}

/** Trials with a worker, opened or opening, that wait for a policy to start from. */
function waiting(state: RunState): number {
  return Object.values(state.trials).filter(
    ({ phase, slot }) => phase === "running" && slot === null,
  ).length;
}
