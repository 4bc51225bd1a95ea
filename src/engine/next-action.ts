/** What a trial does next, read off the facts about it. */

import { isFrontierStep, type Trial } from "../config/trials.js";
import type { TrialAction } from "./action.js";
import type { Plan } from "./plan.js";
import { isComplete, newestPoint, type TrialState } from "./trial-state.js";

export type StopMode = "no" | "after-step" | "now";

/**
 * The next action of a trial whose worker is loaded and has nothing in hand.
 *
 * SFT exports before it is evaluated, so that the RL trials need not wait. A checkpoint comes
 * before all that can fail at the same step, so that a fault there costs no training.
 */
export function nextAction(
  trial: Trial,
  state: TrialState,
  plan: Plan,
  stop: StopMode,
): TrialAction {
  const asked = stop === "no" ? askedFor(trial, state, plan) : null;
  if (asked !== null) {
    return asked;
  }
  const { id } = trial;
  const { step, compute, beta, memory } = state;
  if (isComplete(trial, state)) {
    return { kind: "finish", trial: id };
  }
  const checkpoint: TrialAction = { kind: "checkpoint", trial: id, step, beta, compute, memory };
  if (stop !== "no") {
    return stop === "after-step" && hasUnsavedWork(trial, state)
      ? checkpoint
      : { kind: "release", trial: id, step, saved: newestPoint(state)?.step ?? null };
  }
  if (state.toRestore !== null) {
    const { step: at, path, digest } = state.toRestore;
    const older = state.saved.findLast((point) => point.step < at)?.step ?? null;
    return { kind: "restore", trial: id, step: at, path, digest, older };
  }
  if (trial.fineTunes && !state.sftDone) {
    return { kind: "sft", trial: id };
  }
  if (checkpointIsDue(trial, plan, step) && hasUnsavedWork(trial, state)) {
    return checkpoint;
  }
  if (trial.fineTunes && state.model === null) {
    return { kind: "export", trial: id, step };
  }
  if (isFrontierStep(trial, step) && state.frontierAt !== step) {
    return { kind: "evaluate", trial: id, step, compute, final: false };
  }
  if (step < trial.iterations) {
    return { kind: "step", trial: id, step, beta, compute, memory };
  }
  if (trial.reported && !state.evaluated) {
    return { kind: "evaluate", trial: id, step, compute, final: true };
  }
  return { kind: "export", trial: id, step };
}

/**
 * What the user asked of a trial that has nothing in hand; null: nothing, or it cannot be done now.
 * A checkpoint that is due comes before an evaluation here, too: it keeps the evaluation's score.
 */
export function askedFor(trial: Trial, state: TrialState, plan: Plan): TrialAction | null {
  const { id } = trial;
  const { step, compute, beta, memory, wanted } = state;
  const evaluates = wanted.evaluation && canBeEvaluated(trial, state);
  const saves = wanted.checkpoint || (evaluates && checkpointIsDue(trial, plan, step));
  if (saves && hasUnsavedWork(trial, state)) {
    return { kind: "checkpoint", trial: id, step, beta, compute, memory };
  }
  return evaluates ? { kind: "evaluate", trial: id, step, compute, final: false } : null;
}

/** An RL trial on its way, with a policy that was not evaluated at this step yet. */
export function canBeEvaluated(trial: Trial, state: TrialState): boolean {
  return (
    trial.iterations > 0 &&
    state.worker === "loaded" &&
    state.toRestore === null &&
    state.frontierAt !== state.step &&
    !state.evaluated
  );
}

/** Nothing is saved of a base model; an SFT trial is saved once, as it is after SFT. */
export function hasUnsavedWork(trial: Trial, state: TrialState): boolean {
  const newest = newestPoint(state);
  const unsaved = trial.fineTunes
    ? state.sftDone && newest === null
    : trial.iterations > 0 && state.step > (newest?.step ?? 0);
  return unsaved && state.canSave && state.worker === "loaded" && state.saveFailedAt !== state.step;
}

function checkpointIsDue(trial: Trial, plan: Plan, step: number): boolean {
  return (
    step === trial.iterations || (plan.checkpointEvery > 0 && step % plan.checkpointEvery === 0)
  );
}
