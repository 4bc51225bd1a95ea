/** Which trial does what next: slots for those that work, early starts for those that wait. */

import type { Trial } from "../config/trials.js";
import type { Action, TrialAction } from "./action.js";
import { askedFor, nextAction } from "./next-action.js";
import type { Plan } from "./plan.js";
import type { RunState } from "./run-state.js";
import { isDue } from "./sweep/halving.js";
import { isComplete, type TrialState, trialIsOver } from "./trial-state.js";

/** Seconds. */
const longestDelay = 300;

export interface Turn {
  readonly state: RunState;
  readonly actions: Action[];
}

/** Gives every trial with nothing in hand its next action, as far as slots reach. */
export function schedule(plan: Plan, state: RunState): Turn {
  const actions: Action[] = [];
  const give: Give = (current, trial, action, slot) => {
    actions.push(action);
    return withTrial(current, trial, { phase: "running", slot, inHand: action.kind });
  };
  const carriedOn = carryOn(plan, state, give);
  if (state.stop !== "no" || state.paused) {
    return { state: carriedOn, actions };
  }
  return { state: openEarly(plan, fillSlots(plan, carriedOn, give), give), actions };
}

type Give = (state: RunState, trial: Trial, action: TrialAction, slot: number | null) => RunState;

/** The trials at work, and when stopping those that wait, too; paused ones do what is asked for. */
function carryOn(plan: Plan, state: RunState, give: Give): RunState {
  return plan.trials.reduce((current, trial) => {
    const own = current.trials[trial.id]!;
    if (own.phase !== "running" || own.inHand !== null) {
      return current;
    }
    if (current.paused && current.stop === "no") {
      const asked = askedFor(trial, own, plan);
      return asked === null ? current : give(current, trial, asked, own.slot);
    }
    if (own.worker === "loaded" || current.stop !== "no") {
      return give(current, trial, nextAction(trial, own, plan, current.stop), own.slot);
    }
    return own.slot === null
      ? current
      : give(current, trial, preparing(plan, trial, current, own.slot), own.slot);
  }, state);
}

/** Free slots go to the first trials that can start; one that is opening already keeps its own. */
function fillSlots(plan: Plan, state: RunState, give: Give): RunState {
  return plan.trials.reduce((current, trial) => {
    const own = current.trials[trial.id]!;
    const slot = freeSlot(current);
    if (slot === null || own.slot !== null || trialIsOver(own) || !canStart(plan, current, trial)) {
      return current;
    }
    if (own.inHand === "open") {
      return withTrial(current, trial, { slot });
    }
    return give(current, trial, preparing(plan, trial, current, slot), slot);
  }, state);
}

/** While a slot is free that no trial can take, the next workers are got over their slow start. */
function openEarly(plan: Plan, state: RunState, give: Give): RunState {
  if (!plan.opensEarly) {
    return state;
  }
  return plan.trials.reduce((current, trial) => {
    const own = current.trials[trial.id]!;
    const idle = freeSlot(current) !== null && waiting(current) < current.parallel;
    return idle && own.phase === "pending" && isDue(plan, current, trial)
      ? give(current, trial, opening(plan, trial, own), null)
      : current;
  }, state);
}

function withTrial(state: RunState, { id }: Trial, changes: Partial<TrialState>): RunState {
  return { ...state, trials: { ...state.trials, [id]: { ...state.trials[id]!, ...changes } } };
}

/** The way to a loaded worker; a trial that was left complete needs none. */
function preparing(plan: Plan, trial: Trial, state: RunState, slot: number): TrialAction {
  const own = state.trials[trial.id]!;
  if (isComplete(trial, own)) {
    return { kind: "finish", trial: trial.id };
  }
  return own.worker === "opened" ? loading(plan, trial, state, slot) : opening(plan, trial, own);
}

/** The first restart of a worker waits `backoffSeconds`, each one after it twice as long. */
function opening(plan: Plan, trial: Trial, { restarts }: TrialState): TrialAction {
  const delay = restarts === 0 ? 0 : plan.backoffSeconds * 2 ** (restarts - 1);
  return { kind: "open", trial: trial.id, delay: Math.min(delay, longestDelay) };
}

function loading(plan: Plan, trial: Trial, state: RunState, slot: number): TrialAction {
  const device = plan.devices.length > 0 ? plan.devices[slot % plan.devices.length]! : null;
  const from = trial.after === null ? null : state.trials[trial.after]!.model;
  return { kind: "load", trial: trial.id, device, from };
}

/** Its turn has come, and the policy that it starts from is on disk. */
function canStart(plan: Plan, state: RunState, trial: Trial): boolean {
  const hasStart = trial.after === null || state.trials[trial.after]!.model !== null;
  return hasStart && isDue(plan, state, trial);
}

/** The lowest slot that no trial holds; null: all are taken. */
function freeSlot(state: RunState): number | null {
  const taken = new Set(Object.values(state.trials).map(({ slot }) => slot));
  for (let slot = 0; slot < state.parallel; slot += 1) {
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
