/** What a trial does next, read off the facts about it. */
import type { TrialAction } from "./actions.js";
import type { Plan, Trial } from "./plan.js";
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
  const { id } = trial;
  const { step, compute, beta } = state;
  if (isComplete(trial, state)) {
    return { kind: "finish", trial: id };
  }
  const checkpoint: TrialAction = { kind: "checkpoint", trial: id, step, beta, compute };
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
  if (trial.sftSteps > 0 && !state.sftDone) {
    return { kind: "sft", trial: id };
  }
  if (checkpointIsDue(trial, plan, step) && hasUnsavedWork(trial, state)) {
    return checkpoint;
  }
  if (trial.sftSteps > 0 && state.model === null) {
    return { kind: "export", trial: id, step };
  }
  if (frontierIsDue(trial, plan, step) && state.frontierAt !== step) {
    return { kind: "evaluate", trial: id, step, compute, final: false };
  }
  if (step < trial.iterations) {
    return { kind: "step", trial: id, step, beta, compute };
  }
  if (trial.reported && !state.evaluated) {
    return { kind: "evaluate", trial: id, step, compute, final: true };
  }
  return { kind: "export", trial: id, step };
}

/** Nothing is saved of a base model; an SFT trial is saved once, as it is after SFT. */
function hasUnsavedWork(trial: Trial, state: TrialState): boolean {
  const newest = newestPoint(state);
  const unsaved =
    trial.sftSteps > 0
      ? state.sftDone && newest === null
      : trial.iterations > 0 && state.step > (newest?.step ?? 0);
  return unsaved && state.canSave && state.worker === "loaded" && state.saveFailedAt !== state.step;
}

function checkpointIsDue(trial: Trial, plan: Plan, step: number): boolean {
  return (
    step === trial.iterations || (plan.checkpointEvery > 0 && step % plan.checkpointEvery === 0)
  );
}

/** Step 0 once for all arms that start there; then every so many iterations, and the last. */
function frontierIsDue(trial: Trial, plan: Plan, step: number): boolean {
  if (step === 0) {
    return trial.startsFrontier;
  }
  return plan.evaluateEvery > 0 && (step === trial.iterations || step % plan.evaluateEvery === 0);
}
