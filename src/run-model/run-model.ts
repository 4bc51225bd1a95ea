/**
 * What a dashboard knows of a run. It is folded from the journal (`take-entries.ts`) and from
 * progress (`take-progress.ts`); nothing in it changes in place, so that the same list of entries
 * gives the same screens, live or replayed.
 */
import type { EventHead, JournalEntry } from "../journal/event-head.js";

export type HeadOf<T extends EventHead["type"]> = Extract<EventHead, { type: T }>;
export type StepHead = HeadOf<"step">;

/** An event's figures, and where its arrays are to be read. */
interface Recorded<T extends EventHead["type"]> {
  readonly head: HeadOf<T>;
  readonly entry: JournalEntry;
}

/** Figures of a step that panels draw over time. */
const seriesNames = [
  "alpha",
  "kept",
  "batch",
  "failed",
  "reward_mean",
  "return_mean",
  "cvar",
  "var",
  "tail_mean",
  "kl_mean",
  "beta",
  "entropy",
  "loss_policy",
  "loss_value",
  "clip_fraction",
  "grad_norm",
  "batch_fraction",
  "length_mean",
  "episodes_per_s",
] as const;
export type SeriesName = (typeof seriesNames)[number];

/** `dropped`: by a sweep's halving, before it began. */
type TrialStatus =
  | "waiting"
  | "starting"
  | "running"
  | "done"
  | "failed"
  | "interrupted"
  | "dropped";

export interface Phase {
  /** import, load, sft, sample, reference, reward, update, evaluate, save, … */
  readonly name: string;
  readonly done: number;
  /** 0: unknown. */
  readonly total: number;
  readonly unit: string;
  /** Seconds since 1970, when it was first heard of. */
  readonly since: number;
}

/** What a cluster says of the job that a trial waits for; null: it waits for none. */
export function queueState({ name, unit }: Pick<Phase, "name" | "unit">): string | null {
  return name === "queue" ? unit : null;
}

/** A loss after so many gradient steps. */
export interface LossPoint {
  readonly step: number;
  readonly loss: number;
  /** On held-out texts; null: not measured here. */
  readonly held_out: number | null;
}

/** How the loss of a training before RL went: as heard while it goes on, as journaled after it. */
export interface LossCurve {
  /** `SFT` or `stage NAME`. */
  readonly name: string;
  /** Ascending. */
  readonly points: readonly LossPoint[];
}

/** What a plan says of a trial; `Trial` of the experiment fits. */
export type PlannedTrial = Pick<TrialModel, "id" | "arm" | "seed" | "stage" | "iterations">;

export interface TrialModel {
  readonly id: string;
  readonly arm: string;
  readonly seed: number;
  readonly stage: "base" | "sft" | "rl" | "decode";
  /** M; 0 where nothing is trained with RL. */
  readonly iterations: number;
  readonly status: TrialStatus;
  readonly phase: Phase | null;
  /** One entry per iteration done, in order; where work was done again, the later. */
  readonly steps: readonly Recorded<"step">[];
  /** One for each policy that was evaluated, in order; where work was done again, the later. */
  readonly evaluations: readonly Recorded<"evaluated">[];
  /** Iterations of the checkpoints that are kept, ascending. */
  readonly checkpoints: readonly number[];
  readonly worker: HeadOf<"worker_ready"> | null;
  /** Null: nothing was trained before RL, or nothing was heard of it. */
  readonly loss: LossCurve | null;
  /** Model folder, relative to the run folder; null: none was exported. */
  readonly exported: string | null;
  readonly restarts: number;
  /** Episodes without a reward in `steps`. */
  readonly failedRewards: number;
  /** Why it failed. */
  readonly message: string | null;
  /** Seconds since 1970: its work began (anew), and ended. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Seconds since 1970; null: no step since the trial was last taken up. */
  readonly lastStepAt: number | null;
  /** Seconds from step to step, recent steps counting most, evaluations and checkpoints in. */
  readonly pace: number | null;
}

/** A line of the event log. */
export interface LogLine {
  readonly seq: number;
  /** ISO 8601. */
  readonly time: string;
  readonly trial: string | null;
  readonly level: "info" | "warning" | "error";
  /** Safe to print. */
  readonly text: string;
}

export interface RunModel {
  readonly name: string;
  readonly state: "running" | "paused" | "stopping" | "done" | "failed" | "interrupted" | "stopped";
  /** In the plan's order. */
  readonly trials: readonly TrialModel[];
  readonly parallel: number;
  /** ISO 8601 of the first and the last event; null: there is none. */
  readonly startedAt: string | null;
  readonly lastAt: string | null;
  /** ISO 8601: the controller that wrote the last event began; null: there is none. */
  readonly takenUpAt: string | null;
  /** Seconds that the controllers before it had the run. */
  readonly secondsBefore: number;
  /** Trials at work when the run was paused, and not done yet with what they had in hand. */
  readonly inHand: readonly string[];
  readonly log: readonly LogLine[];
  /** Of the last run_finished that no run_resumed follows. */
  readonly message: string;
}

/** @param planned what will be run, in order; a run that is read without its plan has none */
export function emptyRun(planned: readonly PlannedTrial[] = []): RunModel {
  return {
    name: "",
    state: "running",
    trials: planned.map(({ id, arm, seed, stage, iterations }) => ({
      ...unknownTrial(id),
      arm,
      seed,
      stage,
      iterations,
    })),
    parallel: 1,
    startedAt: null,
    lastAt: null,
    takenUpAt: null,
    secondsBefore: 0,
    inHand: [],
    log: [],
    message: "",
  };
}

/** Nothing but a resume changes a run in this state. */
export function isOver({ state }: Pick<RunModel, "state">): boolean {
  return state !== "running" && state !== "paused" && state !== "stopping";
}

/**
 * Seconds that a controller had the run; null: no event so far.
 *
 * @param now seconds since 1970
 */
export function elapsedSeconds(model: RunModel, now: number): number | null {
  const { takenUpAt, secondsBefore } = model;
  if (takenUpAt === null) {
    return null;
  }
  return isOver(model)
    ? secondsToLastEvent(model)
    : secondsBefore + Math.max(0, now - secondsSince1970(takenUpAt));
}

/** Of the controllers' time, as far as events tell of it. */
export function secondsToLastEvent({ takenUpAt, lastAt, secondsBefore }: RunModel): number {
  return takenUpAt === null || lastAt === null
    ? secondsBefore
    : secondsBefore + Math.max(0, secondsSince1970(lastAt) - secondsSince1970(takenUpAt));
}

/** @param time ISO 8601 */
function secondsSince1970(time: string): number {
  return Date.parse(time) / 1000;
}

/** Whether a trial of a paused run is still at work. */
export function isAtWork({ inHand }: RunModel, { id, status, phase }: TrialModel): boolean {
  // No event tells that a worker begins to start: what is heard of it must do.
  return inHand.includes(id) || (status === "starting" && phase !== null && !isFinished(phase));
}

/** The run is to pause, and something in hand is finished first. */
export function isPausing(model: RunModel): boolean {
  return model.state === "paused" && model.trials.some((trial) => isAtWork(model, trial));
}

function isFinished({ done, total }: Phase): boolean {
  return total > 0 && done >= total;
}

/** The model when no controller is running; one that has ended stays as it is. */
export function markStopped(model: RunModel): RunModel {
  const { state } = model;
  return state === "running" || state === "paused" || state === "stopping"
    ? {
        ...model,
        state: "stopped",
        trials: model.trials.map((trial) => ({ ...trial, phase: null })),
      }
    : model;
}

/**
 * A trial before anything is known of it but its name.
 *
 * @param id `<arm>-s<seed>`
 */
export function unknownTrial(id: string): TrialModel {
  const [, arm = id, seed = "0"] = /^(.*)-s(\d+)$/.exec(id) ?? [];
  return {
    id,
    arm,
    seed: Number(seed),
    stage: "rl",
    iterations: 0,
    status: "waiting",
    phase: null,
    steps: [],
    evaluations: [],
    checkpoints: [],
    worker: null,
    loss: null,
    exported: null,
    restarts: 0,
    failedRewards: 0,
    message: null,
    startedAt: null,
    endedAt: null,
    lastStepAt: null,
    pace: null,
  };
}

/** Whether a trial is over; only a resume changes it then. */
export function hasEnded({ status }: Pick<TrialModel, "status">): boolean {
  return status !== "waiting" && status !== "starting" && status !== "running";
}
