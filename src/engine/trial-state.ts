/**
 * One trial as a record of facts: what is done, and which action is in hand. What comes next is
 * read off the facts (`next-action.ts`), so that a trial continues from any point it was left at.
 */

import type { Trial } from "../config/trials.js";
import type { ActionKind, EvaluatedEvent, JournalEvent } from "../journal/events.js";
import { betaAfter } from "../risk/kl-stages.js";
import { noMemory, type RiskMemory } from "../risk/memory.js";
import type { Retention } from "./retention.js";

/** Where a policy stood: enough to continue from there. */
export interface SavedPoint {
  /** Iterations done. */
  readonly step: number;
  readonly beta: number;
  readonly compute: number;
  readonly memory: RiskMemory;
  /** Checkpoint folder, relative to the run folder. */
  readonly path: string;
  /** sha256 of its digest file. */
  readonly digest: string;
  /** `checkpoint.keep_best`'s figure at this step; null: not measured there. */
  readonly score: number | null;
}

export interface TrialState {
  /** `dropped`: by a sweep's halving, before it began. */
  readonly phase: "pending" | "running" | "done" | "failed" | "interrupted" | "dropped";
  /** Place among the trials that work; null: none taken. */
  readonly slot: number | null;
  readonly inHand: ActionKind | null;
  readonly interrupting: "no" | "soft" | "hard";
  readonly worker: "none" | "opened" | "loaded";
  /** A worker has started since the run was started or resumed. */
  readonly hadWorker: boolean;
  /** Workers lost since then. */
  readonly restarts: number;
  /** The worker can save checkpoints. */
  readonly canSave: boolean;
  readonly sftDone: boolean;
  /** Iterations done. */
  readonly step: number;
  /** β of the next iteration. */
  readonly beta: number;
  /** Generated tokens × passes of kept episodes so far. */
  readonly compute: number;
  /** What the risk layer carries into the next iteration. */
  readonly memory: RiskMemory;
  /** Kept checkpoints, oldest first. */
  readonly saved: readonly SavedPoint[];
  /** To be restored into the next worker that has loaded. */
  readonly toRestore: SavedPoint | null;
  /** Requested and not done yet. */
  readonly wanted: { readonly checkpoint: boolean; readonly evaluation: boolean };
  /** Iterations done when saving last failed. */
  readonly saveFailedAt: number | null;
  /** Iterations done at the last frontier evaluation. */
  readonly frontierAt: number | null;
  /** The final evaluation is done. */
  readonly evaluated: boolean;
  /** Of the final evaluation, the figure that points of a sweep are kept by; null: none so far. */
  readonly score: number | null;
  /** Exported model folder, relative to the run folder. */
  readonly model: string | null;
}

const nothingWanted = { checkpoint: false, evaluation: false };

export function initialTrial(trial: Trial): TrialState {
  return {
    phase: "pending",
    slot: null,
    inHand: null,
    interrupting: "no",
    worker: "none",
    hadWorker: false,
    restarts: 0,
    canSave: false,
    sftDone: false,
    step: 0,
    beta: trial.config.kl.beta,
    compute: 0,
    memory: noMemory,
    saved: [],
    toRestore: null,
    wanted: nothingWanted,
    saveFailedAt: null,
    frontierAt: null,
    evaluated: false,
    score: null,
    model: null,
  };
}

/** Nothing but a resume can change it any more. */
export function trialIsOver(state: TrialState): boolean {
  return state.phase !== "pending" && state.phase !== "running";
}

/** All its work is on disk; only its worker is left to close. */
export function isComplete(trial: Trial, state: TrialState): boolean {
  const trained = trial.fineTunes || trial.iterations > 0;
  return (
    state.step === trial.iterations &&
    (state.evaluated || !trial.reported) &&
    (!trial.startsFrontier || state.frontierAt !== null) &&
    (state.model !== null || !trained)
  );
}

export function newestPoint(state: TrialState): SavedPoint | null {
  return state.saved.at(-1) ?? null;
}

/** A trial that another controller had left, as this one takes it up. */
export function resumed(state: TrialState, trial: Trial): TrialState {
  if (state.phase === "done" || state.phase === "dropped") {
    return state;
  }
  const fresh = { phase: "pending", slot: null, inHand: null, interrupting: "no" } as const;
  const back = rolledBack(state, trial, newestPoint(state));
  return { ...state, ...fresh, wanted: nothingWanted, hadWorker: false, restarts: 0, ...back };
}

/** Event types that end an action, and which. */
const ends: Partial<Record<JournalEvent["type"], ActionKind>> = {
  worker_opened: "open",
  worker_ready: "load",
  restored: "restore",
  checkpoint_damaged: "restore",
  sft_finished: "sft",
  step: "step",
  evaluated: "evaluate",
  checkpoint_saved: "checkpoint",
  checkpoint_failed: "checkpoint",
  model_exported: "export",
  trial_finished: "finish",
  trial_interrupted: "release",
};

/** Event types that belong to an action in hand and do not end it. */
const notes: ReadonlySet<JournalEvent["type"]> = new Set([
  "trial_started",
  "stage_started",
  "stage_ready",
]);

/**
 * The trial after one of its events.
 *
 * @throws {Error} when the event does not answer the action in hand: a journal that is damaged,
 *   or an engine that is wrong
 */
export function absorb(
  state: TrialState,
  event: JournalEvent,
  trial: Trial,
  retention: Retention,
): TrialState {
  if (event.type === "warning") {
    return state;
  }
  if (event.type === "checkpoint_dropped") {
    return { ...state, saved: state.saved.filter(({ step }) => step !== event.step) };
  }
  const ended =
    event.type === "action_interrupted" ? event.action : (ends[event.type] ?? state.inHand);
  const fits = event.type !== "step" || event.step === state.step;
  if (state.inHand === null || state.inHand !== ended || !fits) {
    const what = event.type === "step" ? `step ${event.step}` : event.type;
    throw new Error(
      `event ${event.seq}: ${what} of ${trial.id} does not fit: the trial is ${state.phase} ` +
        `after ${state.step} iterations, current action: ${state.inHand ?? "none"}`,
    );
  }
  if (notes.has(event.type)) {
    return state;
  }
  const facts = factsOf(state, event, trial, retention);
  return { ...state, inHand: null, interrupting: "no", ...facts };
}

function factsOf(
  state: TrialState,
  event: JournalEvent,
  trial: Trial,
  retention: Retention,
): Partial<TrialState> {
  const gone = { slot: null, worker: "none" } as const;
  switch (event.type) {
    case "worker_opened":
      return { worker: "opened", hadWorker: true, canSave: event.checkpoints };
    case "worker_ready":
      return { worker: "loaded" };
    case "worker_lost":
      return { restarts: event.restarts, ...rolledBack(state, trial, newestPoint(state)) };
    case "restored":
      return { toRestore: null };
    case "checkpoint_damaged": {
      const saved = state.saved.filter(({ step }) => step !== event.step);
      const older = saved.at(-1) ?? null;
      // The worker has loaded and nothing was restored into it: it stands at the start.
      return { saved, ...rolledBack(state, trial, older), worker: "loaded" };
    }
    case "sft_finished":
      return { sftDone: true };
    case "step":
      return {
        step: state.step + 1,
        beta: betaAfter(trial.config.kl, event.step, event.beta, event.kl_controlled),
        compute: event.compute,
        memory: event.memory ?? noMemory,
      };
    case "evaluated":
      return {
        saved: withScore(state.saved, event, retention),
        wanted: { ...state.wanted, evaluation: false },
        ...(event.final ? { evaluated: true } : { frontierAt: event.step }),
      };
    case "checkpoint_saved": {
      const { step, path, digest } = event;
      const { beta, compute, memory } = state;
      const point = { step, beta, compute, memory, path, digest, score: null };
      const wanted = { ...state.wanted, checkpoint: false };
      return { saved: [...state.saved, point], saveFailedAt: null, wanted };
    }
    case "checkpoint_failed":
      return { saveFailedAt: event.step, wanted: { ...state.wanted, checkpoint: false } };
    case "model_exported":
      return { model: event.path };
    case "trial_finished":
      return { phase: "done", ...gone };
    case "trial_failed":
      return { phase: "failed", ...gone };
    case "trial_interrupted":
      return { phase: "interrupted", ...gone };
    case "action_interrupted":
      return {};
    default:
      throw new Error(`event ${event.seq}: ${event.type} is not an event of one trial`);
  }
}

/**
 * The facts when the worker's memory is gone: back to a checkpoint, or to the trial's start. What
 * lies on disk stays, and so do evaluations of the policy that is gone back to.
 */
function rolledBack(
  state: TrialState,
  trial: Trial,
  point: SavedPoint | null,
): Partial<TrialState> {
  const worker = "none";
  if (isComplete(trial, state)) {
    return { worker, toRestore: null };
  }
  const step = point?.step ?? 0;
  const sftDone = trial.fineTunes && point !== null;
  const sftLost = state.sftDone && !sftDone;
  const { frontierAt } = state;
  return {
    worker,
    step,
    sftDone,
    beta: point?.beta ?? trial.config.kl.beta,
    compute: point?.compute ?? 0,
    memory: point?.memory ?? noMemory,
    toRestore: point,
    saveFailedAt: null,
    // What lies beyond the point was evaluated there on the way.
    frontierAt: frontierAt === null || sftLost ? null : Math.min(frontierAt, step),
    evaluated: state.evaluated && step === state.step && !sftLost,
  };
}

function withScore(
  saved: readonly SavedPoint[],
  event: EvaluatedEvent,
  { best }: Retention,
): readonly SavedPoint[] {
  const score = best === null ? undefined : event.metrics[best];
  return score === undefined
    ? saved
    : saved.map((point) => (point.step === event.step ? { ...point, score } : point));
}
