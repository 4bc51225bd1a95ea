/**
 * How long a run will still take, for its views and for lists of runs: each trial by its own pace, those that wait by the pace of the
 * others, laid out over the places where trials work side by side. Null where too little is known:
 * no number is better than a made-up one.
 */
import type { EventHead } from "../journal/event-head.js";
import { hasEnded, type RunModel, type TrialModel } from "./run-model.js";

/** What must be known of a trial: of its steps, no more than how many there are. */
export type TimedTrial = Pick<
  TrialModel,
  "id" | "stage" | "iterations" | "status" | "phase" | "startedAt" | "endedAt"
> &
  Pick<TrialModel, "lastStepAt" | "pace"> & { readonly steps: { readonly length: number } };

export interface TimedRun extends Pick<RunModel, "state" | "parallel"> {
  readonly trials: readonly TimedTrial[];
}

/** Seconds that a trial in hand will still take. @param now seconds since 1970 */
export function trialEta(trial: TimedTrial, now: number): number | null {
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
function phaseEta({ phase }: TimedTrial, now: number): number | null {
  if (phase === null || phase.total === 0 || phase.done === 0) {
    return null;
  }
  return (Math.max(0, now - phase.since) / phase.done) * Math.max(0, phase.total - phase.done);
}

/**
 * Seconds until every trial is done; trials that wait are taken in order as places come free. Null
 * also while the run is paused or stopping.
 *
 * @param now seconds since 1970
 */
export function runEta(run: TimedRun, now: number): number | null {
  const { trials, parallel, state } = run;
  const ahead = trials.filter((trial) => !hasEnded(trial));
  if (state !== "running" || ahead.length === 0) {
    const complete = trials.every(({ status }) => status === "done" || status === "dropped");
    return trials.length > 0 && complete ? 0 : null;
  }
  const inHand: number[] = [];
  for (const trial of ahead.filter(({ status }) => status === "running")) {
    const whole = expectedSeconds(trial, trials);
    const guess = whole === null ? null : Math.max(0, whole - (now - (trial.startedAt ?? now)));
    const left = trialEta(trial, now) ?? guess;
    if (left === null) {
      return null;
    }
    inHand.push(left);
  }
  const waiting = ahead
    .filter(({ status }) => status !== "running")
    .map((trial) => expectedSeconds(trial, trials));
  return waiting.every((seconds) => seconds !== null)
    ? Math.max(
        ...endsInPlaces(
          waiting.map((seconds) => ({ seconds })),
          parallel,
          inHand,
        ),
      )
    : null;
}

/**
 * When each of some jobs ends that are taken in order as places come free, in seconds from now.
 *
 * @param jobs `notBefore`: another one must have ended first, by its place in the list
 * @param parallel places, ≥ 1
 * @param inHand what the places that are taken will still take; their ends come first
 */
export function endsInPlaces(
  jobs: readonly { readonly seconds: number; readonly notBefore?: number | undefined }[],
  parallel: number,
  inHand: readonly number[] = [],
): number[] {
  const places = [...inHand];
  while (places.length < parallel) {
    places.push(0);
  }
  const ends: number[] = [];
  for (const { seconds, notBefore } of jobs) {
    const soonest = places.indexOf(Math.min(...places));
    const from = Math.max(places[soonest]!, notBefore === undefined ? 0 : ends[notBefore]!);
    ends.push(from + seconds);
    places[soonest] = from + seconds;
  }
  return [...inHand, ...ends];
}

/** Of a trial from where it stands: like those of its kind that are further. */
function expectedSeconds(trial: TimedTrial, trials: readonly TimedTrial[]): number | null {
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
function overheadOf({ status, startedAt, endedAt, pace, steps }: TimedTrial): number | null {
  return status !== "done" || startedAt === null || endedAt === null
    ? null
    : Math.max(0, endedAt - startedAt - (pace ?? 0) * steps.length);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Seconds since 1970. */
export function secondsOf({ time }: Pick<EventHead, "time">): number {
  return Date.parse(time) / 1000;
}

/** How much of the pace the newest step makes up. */
const newest = 0.2;

/** @param seconds from the step before to this one */
export function paceAfter(pace: number | null, seconds: number): number {
  return pace === null ? seconds : pace + newest * (seconds - pace);
}
