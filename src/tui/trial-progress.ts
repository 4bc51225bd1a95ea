/** One trial's progress, observation by observation. */
import type { JournalEvent, StepEvent } from "../experiment/events.js";
import type { Observation } from "../experiment/observation.js";

/** What the plan says of a trial; `Trial` of the experiment fits. */
export interface PlannedTrial {
  readonly id: string;
  readonly stage: "base" | "sft" | "rl";
  /** Iterations ahead; 0 for base and sft. */
  readonly iterations: number;
}

/** The figures of a step that are shown while it is the last one. */
export type StepFigures = Pick<
  StepEvent,
  "reward_mean" | "cvar" | "alpha" | "kept" | "batch" | "kl_mean" | "beta"
>;

export interface Phase {
  readonly name: string;
  readonly done: number;
  /** 0: unknown. */
  readonly total: number;
  readonly unit: string;
  /** When it was first heard of. */
  readonly since: number;
}

export interface TrialProgress {
  readonly id: string;
  readonly stage: "base" | "sft" | "rl";
  readonly iterations: number;
  /** `starting`: a worker is coming up, or waits for the policy that it starts from. */
  readonly status: "waiting" | "starting" | "running" | "done" | "failed" | "interrupted";
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly phase: Phase | null;
  readonly stepsDone: number;
  readonly lastStepAt: number | null;
  /** Seconds from step to step, recent steps counting most, evaluations and checkpoints in. */
  readonly pace: number | null;
  readonly figures: StepFigures | null;
  /** Of the final evaluation. */
  readonly result: Readonly<Record<string, number>> | null;
  /** Why it failed. */
  readonly message: string | null;
}

export function startedTrial({ id, stage, iterations }: PlannedTrial): TrialProgress {
  return {
    id,
    stage,
    iterations,
    status: "waiting",
    startedAt: null,
    endedAt: null,
    phase: null,
    stepsDone: 0,
    lastStepAt: null,
    pace: null,
    figures: null,
    result: null,
    message: null,
  };
}

/** The very same object where the observation says nothing of the trial's progress. */
export function trialAfter(
  before: TrialProgress,
  observation: Observation,
  now: number,
): TrialProgress {
  if (observation.kind === "event") {
    return afterEvent(before, observation.event, now);
  }
  const { phase: name, done, total, unit } = observation;
  const since = before.phase?.name === name ? before.phase.since : now;
  const status = before.status === "waiting" ? "starting" : before.status;
  return { ...before, status, phase: { name, done, total, unit, since } };
}

function afterEvent(before: TrialProgress, event: JournalEvent, now: number): TrialProgress {
  switch (event.type) {
    case "worker_opened":
      return { ...before, status: "starting" };
    case "trial_started": {
      const { stage, iterations } = event;
      return { ...before, stage, iterations, status: "running", startedAt: now };
    }
    case "step":
      return afterStep(before, event, now);
    case "evaluated":
      return event.final ? { ...before, result: event.metrics } : before;
    case "worker_lost":
    case "checkpoint_damaged":
      return wentBack(before, event.from);
    case "trial_finished":
      return { ...before, status: "done", endedAt: now, phase: null };
    case "trial_failed":
      return { ...before, status: "failed", endedAt: now, phase: null, message: event.message };
    case "trial_interrupted":
      return { ...before, status: "interrupted", endedAt: now, phase: null };
    default:
      return before;
  }
}

/** The trial goes on from a checkpoint, or from its start. @param from iterations done there */
export function wentBack(before: TrialProgress, from: number | null): TrialProgress {
  const again = { phase: null, endedAt: null, lastStepAt: null, message: null };
  return { ...before, ...again, status: "starting", stepsDone: from ?? 0 };
}

/** How much of the pace the newest step makes up. */
const newest = 0.2;

function afterStep(before: TrialProgress, event: StepEvent, now: number): TrialProgress {
  const { reward_mean, cvar, alpha, kept, batch, kl_mean, beta } = event;
  // The first step seen has no one before it: what it says of itself must do.
  const seconds = before.lastStepAt === null ? event.seconds.total : now - before.lastStepAt;
  return {
    ...before,
    stepsDone: event.step + 1,
    lastStepAt: now,
    pace: before.pace === null ? seconds : before.pace + newest * (seconds - before.pace),
    figures: { reward_mean, cvar, alpha, kept, batch, kl_mean, beta },
  };
}
