/** What a trial does next, read off the facts about it. */
import type { TrialAction } from "./actions.js";
import type { Plan, Trial } from "./plan.js";
import type { TrialState } from "./trial-state.js";

export type StopMode = "no" | "after-step" | "now";

/**
 * The next action of a trial whose worker is loaded and has nothing in hand.
 *
 * SFT exports before it is evaluated, so that the RL trials need not wait. A checkpoint comes
 * before the evaluation of the same step, so that a fault there costs no training.
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
  if (stop !== "no") {
    return stop === "after-step" && hasUnsavedWork(trial, state)
      ? { kind: "checkpoint", trial: id, step }
      : { kind: "release", trial: id, step, saved: state.saved?.step ?? null };
  }
  if (trial.sftSteps > 0 && !state.sftDone) {
    return { kind: "sft", trial: id };
  }
  if (trial.sftSteps > 0 && state.model === null) {
    return { kind: "export", trial: id, step };
  }
  if (checkpointIsDue(trial, plan, step) && hasUnsavedWork(trial, state)) {
    return { kind: "checkpoint", trial: id, step };
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

function isComplete(trial: Trial, state: TrialState): boolean {
  const trained = trial.sftSteps > 0 || trial.iterations > 0;
  return (
    state.step === trial.iterations &&
    (state.evaluated || !trial.reported) &&
    (!trial.startsFrontier || state.frontierAt !== null) &&
    (state.model !== null || !trained)
  );
}

function hasUnsavedWork(trial: Trial, state: TrialState): boolean {
  return (
    trial.iterations > 0 &&
    state.checkpoints &&
    state.worker === "loaded" &&
    state.step > (state.saved?.step ?? 0)
  );
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
