/**
 * One trial as a record of facts: what is done, and which action is in hand. What comes next is
 * read off the facts (`next-action.ts`), so that a trial goes on from any point it was left at.
 */
import { nextBeta } from "../domain/kl-controller.js";
import type { ActionKind, JournalEvent } from "./events.js";
import type { Trial } from "./plan.js";

/** Where a policy stood: enough to go on from there. */
export interface SavedPoint {
  /** Iterations done. */
  readonly step: number;
  readonly beta: number;
  readonly compute: number;
  /** Checkpoint folder, relative to the run folder. */
  readonly path: string;
}

export interface TrialState {
  readonly phase: "pending" | "running" | "done" | "failed" | "interrupted";
  /** Place among the trials that work; null: none taken. */
  readonly slot: number | null;
  readonly inHand: ActionKind | null;
  readonly interrupting: "no" | "soft" | "hard";
  readonly worker: "none" | "opened" | "loaded";
  /** The worker can save checkpoints. */
  readonly checkpoints: boolean;
  readonly sftDone: boolean;
  /** Iterations done. */
  readonly step: number;
  /** β of the next iteration. */
  readonly beta: number;
  /** Generated tokens × passes of kept episodes so far. */
  readonly compute: number;
  readonly saved: SavedPoint | null;
  /** Iterations done at the last frontier evaluation. */
  readonly frontierAt: number | null;
  /** The final evaluation is done. */
  readonly evaluated: boolean;
  /** Exported model folder, relative to the run folder. */
  readonly model: string | null;
}

export function initialTrial(trial: Trial): TrialState {
  return {
    phase: "pending",
    slot: null,
    inHand: null,
    interrupting: "no",
    worker: "none",
    checkpoints: false,
    sftDone: false,
    step: 0,
    beta: trial.config.kl.beta,
    compute: 0,
    saved: null,
    frontierAt: null,
    evaluated: false,
    model: null,
  };
}

/** No event can change it any more. */
export function isOver(state: TrialState): boolean {
  return state.phase === "done" || state.phase === "failed" || state.phase === "interrupted";
}

/** Event types that end an action, and which. */
const ends: Partial<Record<JournalEvent["type"], ActionKind>> = {
  worker_opened: "open",
  worker_ready: "load",
  sft_finished: "sft",
  step: "step",
  evaluated: "evaluate",
  checkpoint_saved: "checkpoint",
  model_exported: "export",
  trial_finished: "finish",
  trial_interrupted: "release",
};

/**
 * The trial after one of its events.
 *
 * @throws {Error} when the event does not answer the action in hand: a journal that is damaged,
 *   or an engine that is wrong
 */
export function absorb(state: TrialState, event: JournalEvent, trial: Trial): TrialState {
  if (event.type === "warning") {
    return state;
  }
  const ended =
    event.type === "action_interrupted" ? event.action : (ends[event.type] ?? state.inHand);
  const fits = event.type !== "step" || event.step === state.step;
  if (state.inHand === null || state.inHand !== ended || !fits) {
    const what = event.type === "step" ? `step ${event.step}` : event.type;
    throw new Error(
      `event ${event.seq}: ${what} of ${trial.id} does not fit: the trial is ${state.phase} ` +
        `after ${state.step} iterations, in hand: ${state.inHand ?? "nothing"}`,
    );
  }
  if (event.type === "trial_started") {
    return state;
  }
  return { ...state, inHand: null, interrupting: "no", ...factsOf(state, event, trial) };
}

function factsOf(state: TrialState, event: JournalEvent, trial: Trial): Partial<TrialState> {
  const gone = { slot: null, worker: "none" } as const;
  switch (event.type) {
    case "worker_opened":
      return { worker: "opened", checkpoints: event.checkpoints };
    case "worker_ready":
      return { worker: "loaded" };
    case "sft_finished":
      return { sftDone: true };
    case "step":
      return {
        step: state.step + 1,
        beta: nextBeta(event.beta, event.kl_controlled, trial.config.kl),
        compute: event.compute,
      };
    case "evaluated":
      return event.final ? { evaluated: true } : { frontierAt: event.step };
    case "checkpoint_saved": {
      const { step, path } = event;
      return { saved: { step, beta: state.beta, compute: state.compute, path } };
    }
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
