/**
 * How long a run will still take: each trial by its own pace, those that wait by the pace of the
 * others, laid out over the places where trials work side by side. Null where too little is known:
 * no number is better than a made-up one.
 */
import { hasEnded, type RunModel, type TrialModel } from "./run-model.js";

/** Seconds that a trial in hand will still take. @param now seconds since 1970 */
export function trialEta(trial: TrialModel, now: number): number | null {
  if (trial.status !== "running") {
    return null;
  }
  if (trial.iterations > 0) {
    if (trial.pace === null || trial.lastStepAt === null) {
      return null;
    }
    const left = (trial.iterations - trial.steps.length) * trial.pace;
    // Between steps the estimate runs down, but never past the work that is certainly ahead.
    const sinceStep = Math.max(0, Math.min(now - trial.lastStepAt, trial.pace));
    return Math.max(0, left - sinceStep);
  }
  return phaseEta(trial, now);
}

/** Of the phase alone: what follows it is short beside SFT and evaluation. */
function phaseEta({ phase }: TrialModel, now: number): number | null {
  if (phase === null || phase.total === 0 || phase.done === 0) {
    return null;
  }
  return (Math.max(0, now - phase.since) / phase.done) * Math.max(0, phase.total - phase.done);
}

/**
 * Seconds until every trial is done; trials that wait are taken in order as places come free. Null
 * also while the run is paused or stopping, for then nobody can say.
 *
 * @param now seconds since 1970
 */
export function runEta(model: RunModel, now: number): number | null {
  const { trials, parallel } = model;
  const ahead = trials.filter((trial) => !hasEnded(trial));
  if (model.state !== "running" || ahead.length === 0) {
    return trials.length > 0 && trials.every(({ status }) => status === "done") ? 0 : null;
  }
  const places: number[] = [];
  for (const trial of ahead.filter(({ status }) => status === "running")) {
    const whole = expectedSeconds(trial, trials);
    const guess = whole === null ? null : Math.max(0, whole - (now - (trial.startedAt ?? now)));
    const left = trialEta(trial, now) ?? guess;
    if (left === null) {
      return null;
    }
    places.push(left);
  }
  const waiting = ahead.filter(({ status }) => status !== "running");
  while (places.length < Math.min(parallel, places.length + waiting.length)) {
    places.push(0);
  }
  for (const trial of waiting) {
    const whole = expectedSeconds(trial, trials);
    if (whole === null) {
      return null;
    }
    const soonest = places.indexOf(Math.min(...places));
    places[soonest]! += whole;
  }
  return Math.max(...places);
}

/** Of a trial from where it stands: like those of its kind that are further. */
function expectedSeconds(trial: TrialModel, trials: readonly TrialModel[]): number | null {
  const { stage, iterations } = trial;
  const alike = trials.filter(
    (other) => other.id !== trial.id && other.startedAt !== null && other.stage === stage,
  );
  const overheads = alike.flatMap((other) => overheadOf(other) ?? []);
  const overhead = overheads.length === 0 ? 0 : average(overheads);
  if (stage !== "rl") {
    return overheads.length === 0 ? null : overhead;
  }
  const paces = alike.flatMap(({ pace }) => pace ?? []);
  const pace = trial.pace ?? (paces.length === 0 ? null : average(paces));
  return pace === null ? null : (iterations - trial.steps.length) * pace + overhead;
}

/** Loading, final evaluation and export of a trial that is done. */
function overheadOf({ status, startedAt, endedAt, pace, steps }: TrialModel): number | null {
  return status !== "done" || startedAt === null || endedAt === null
    ? null
    : Math.max(0, endedAt - startedAt - (pace ?? 0) * steps.length);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/* How long a run's iterations will still take, for a list of runs: a view of one knows more. */

export interface TrialAhead {
  /** M; 0 for trials that train no policy by RL: they are short beside those that do. */
  readonly iterations: number;
  /** Iterations done. */
  readonly step: number;
  /** Seconds from step to step; null: it has done too few. */
  readonly pace: number | null;
  readonly status: "waiting" | "running" | "over";
}

/**
 * Trials at work go on side by side, those that wait take the first place that comes free. A trial
 * without a pace of its own gets the mean of the others'.
 *
 * @param parallel places, ≥ 1
 * @returns seconds; null: nothing is known of any pace
 */
export function remainingSeconds(trials: readonly TrialAhead[], parallel: number): number | null {
  const paces = trials.flatMap(({ pace }) => pace ?? []);
  const usual = paces.reduce((sum, pace) => sum + pace, 0) / paces.length;
  const ahead = trials.filter(({ status }) => status !== "over");
  const left = ({ iterations, step, pace }: TrialAhead): number =>
    iterations === 0 ? 0 : (iterations - step) * (pace ?? usual);
  const places = ahead.filter(({ status }) => status === "running").map(left);
  while (places.length < parallel) {
    places.push(0);
  }
  for (const trial of ahead.filter(({ status }) => status === "waiting")) {
    const soonest = places.indexOf(Math.min(...places));
    places[soonest]! += left(trial);
  }
  const longest = Math.max(...places);
  return Number.isFinite(longest) ? longest : null;
}
