/**
 * How long a run will still take: each trial by its own pace, those that wait by the pace of the
 * others, laid out over the places where trials work side by side. Null where too little is known:
 * no number is better than a made-up one.
 */
import type { ProgressState } from "./progress-state.js";
import type { TrialProgress } from "./trial-progress.js";

/** Seconds that a trial in hand will still take. */
export function trialEta(trial: TrialProgress, now: number): number | null {
  if (trial.status !== "running") {
    return null;
  }
  if (trial.iterations > 0) {
    if (trial.pace === null || trial.lastStepAt === null) {
      return null;
    }
    const left = (trial.iterations - trial.stepsDone) * trial.pace;
    // Between steps the estimate runs down, but never past the work that is certainly ahead.
    const sinceStep = Math.min(now - trial.lastStepAt, trial.pace);
    return Math.max(0, left - sinceStep);
  }
  return phaseEta(trial, now);
}

/** Of the phase alone: what follows it is short beside SFT and evaluation. */
function phaseEta({ phase }: TrialProgress, now: number): number | null {
  if (phase === null || phase.total === 0 || phase.done === 0) {
    return null;
  }
  return ((now - phase.since) / phase.done) * Math.max(0, phase.total - phase.done);
}

/** Seconds until every trial is done; trials that wait are taken in order as places come free. */
export function runEta(state: ProgressState, now: number): number | null {
  const places: number[] = [];
  for (const trial of state.trials.filter(({ status }) => status === "running")) {
    const whole = expectedSeconds(trial, state);
    const guess = whole === null ? null : Math.max(0, whole - (now - (trial.startedAt ?? now)));
    const left = trialEta(trial, now) ?? guess;
    if (left === null) {
      return null;
    }
    places.push(left);
  }
  const waiting = state.trials.filter(
    ({ status }) => status === "waiting" || status === "starting",
  );
  if (places.length === 0 && waiting.length === 0) {
    return state.trials.length === 0 ? null : 0;
  }
  while (places.length < Math.min(state.parallel, places.length + waiting.length)) {
    places.push(0);
  }
  for (const trial of waiting) {
    const whole = expectedSeconds(trial, state);
    if (whole === null) {
      return null;
    }
    const soonest = places.indexOf(Math.min(...places));
    places[soonest]! += whole;
  }
  return Math.max(...places);
}

/** Of a whole trial: like those of its kind that are further. */
function expectedSeconds(trial: TrialProgress, { trials }: ProgressState): number | null {
  const alike = trials.filter(({ id, stage }) => id !== trial.id && stage === trial.stage);
  const overheads = alike.flatMap((other) => overheadOf(other) ?? []);
  const overhead = overheads.length === 0 ? 0 : average(overheads);
  if (trial.iterations === 0) {
    return overheads.length === 0 ? null : overhead;
  }
  const paces = alike.flatMap(({ pace }) => pace ?? []);
  return paces.length === 0 ? null : trial.iterations * average(paces) + overhead;
}

/** Loading, final evaluation and export of a trial that is done. */
function overheadOf({ status, startedAt, endedAt, pace, stepsDone }: TrialProgress): number | null {
  return status !== "done" || startedAt === null || endedAt === null
    ? null
    : Math.max(0, endedAt - startedAt - (pace ?? 0) * stepsDone);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
