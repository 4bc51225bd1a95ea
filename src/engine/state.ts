/**
 * The run as a pure state machine: `advance(state, event) → [state, actions]`. No clock, socket,
 * disk or promise. Its events are the journal's, so that replaying a journal gives the state back;
 * the actions that come of a replay are dropped (replay.ts): what they were to do is an event too.
 */

import type { JournalEvent } from "../journal/events.js";
import type { Action, Discarded } from "./action.js";
import type { StopMode } from "./next-action.js";
import type { Plan } from "./plan.js";
import { outdated } from "./retention.js";
import type { RunState } from "./run-state.js";
import { schedule, type Turn } from "./schedule.js";
import { afterDecision, dueDecision } from "./sweep/halving.js";
import { absorb, resumed, type TrialState, trialIsOver } from "./trial-state.js";

/**
 * The state after an event, and what is to be done now.
 *
 * @throws {Error} when the event cannot follow on the state; the message names its number
 */
export function advance(plan: Plan, state: RunState, event: JournalEvent): [RunState, Action[]] {
  if (event.type === "warning") {
    return [state, []];
  }
  const after = absorbed(plan, state, event);
  if (after.phase !== "running") {
    return [after, []];
  }
  const interrupted = interruptions(plan, after);
  const decision = dueDecision(plan, interrupted.state);
  const decided = {
    ...interrupted.state,
    deciding: interrupted.state.deciding || decision !== null,
  };
  const scheduled = schedule(plan, decided);
  const actions: Action[] = [
    ...interrupted.actions,
    ...discards(plan, after, event),
    ...(decision === null ? [] : [{ kind: "decide", decision } as const]),
    ...scheduled.actions,
  ];
  const outcome = outcomeAtRest(scheduled.state);
  return outcome === null
    ? [scheduled.state, actions]
    : [{ ...scheduled.state, phase: "concluding" }, [...actions, { kind: "conclude", outcome }]];
}

function absorbed(plan: Plan, state: RunState, event: JournalEvent): RunState {
  if (event.trial === null) {
    return absorbedByRun(plan, state, event);
  }
  const trial = plan.trials.find(({ id }) => id === event.trial);
  const before = state.trials[event.trial];
  if (trial === undefined || before === undefined || state.phase !== "running") {
    throw new Error(
      `event ${event.seq}: ${event.type} of ${event.trial} does not fit: the run is ` +
        `${state.phase} and ${trial === undefined ? "has no such trial" : "has the trial"}`,
    );
  }
  const absorbed = absorb(before, event, trial, plan.retention);
  const trials = { ...state.trials, [trial.id]: scored(absorbed, event, plan) };
  if (event.type !== "trial_failed") {
    return { ...state, trials };
  }
  const { reason: kind, message, key, detail } = event;
  return {
    ...state,
    trials,
    stop: state.stop === "no" ? "after-step" : state.stop,
    failure: state.failure ?? { trial: trial.id, kind, message, key, detail },
  };
}

/** With the figure that points of a sweep are kept by. */
function scored(own: TrialState, event: JournalEvent, { halving }: Plan): TrialState {
  return event.type === "evaluated" && event.final && halving !== null
    ? { ...own, score: event.metrics[halving.metric] ?? null }
    : own;
}

function absorbedByRun(plan: Plan, state: RunState, event: JournalEvent): RunState {
  const { phase } = state;
  if (event.type === "run_started" && phase === "created") {
    return { ...state, phase: "running", parallel: event.parallel };
  }
  if (event.type === "run_resumed" && phase !== "created" && phase !== "done") {
    const { parallel } = event;
    const trials = plan.trials.map((trial) => [trial.id, resumed(state.trials[trial.id]!, trial)]);
    return {
      phase: "running",
      stop: "no",
      paused: false,
      parallel,
      decisions: state.decisions,
      deciding: false,
      failure: null,
      trials: Object.fromEntries(trials),
    };
  }
  if (event.type === "stop_requested") {
    return { ...state, stop: state.stop === "now" ? "now" : event.how };
  }
  if (event.type === "paused" || event.type === "continued") {
    return { ...state, paused: event.type === "paused" };
  }
  if (event.type === "points_dropped") {
    return afterDecision(plan, state, event);
  }
  if (event.type === "checkpoint_requested") {
    return withWanted(state, event.trials, { checkpoint: true });
  }
  if (event.type === "evaluation_requested") {
    return withWanted(state, event.trials, { evaluation: true });
  }
  if (event.type === "run_finished" && state.phase === "concluding") {
    return { ...state, phase: event.outcome };
  }
  throw new Error(`event ${event.seq}: ${event.type} does not fit: the run is ${state.phase}`);
}

function withWanted(
  state: RunState,
  ids: readonly string[],
  asked: Partial<TrialState["wanted"]>,
): RunState {
  const trials = { ...state.trials };
  for (const id of ids) {
    const own = trials[id];
    if (own !== undefined) {
      trials[id] = { ...own, wanted: { ...own.wanted, ...asked } };
    }
  }
  return { ...state, trials };
}

/** What a new checkpoint, or a better one, puts out of date. */
function discards(plan: Plan, state: RunState, { type, trial }: JournalEvent): Action[] {
  if (trial === null || (type !== "checkpoint_saved" && type !== "evaluated")) {
    return [];
  }
  const points = outdated(state.trials[trial]!.saved, plan.retention).map(
    ({ step, path }): Discarded => ({ step, path }),
  );
  return points.length > 0 ? [{ kind: "discard", trial, points }] : [];
}

/**
 * When stopping: what leaves nothing behind is aborted at once; a step, a checkpoint or an
 * export is let finish, unless the stop is `now`.
 */
function interruptions(plan: Plan, state: RunState): Turn {
  const actions: Action[] = [];
  const trials = { ...state.trials };
  for (const { id } of plan.trials) {
    const own = trials[id]!;
    const interrupting = wantedInterruption(own, state.stop);
    if (interrupting !== own.interrupting) {
      trials[id] = { ...own, interrupting };
      actions.push({ kind: "interrupt", trial: id, hard: interrupting === "hard" });
    }
  }
  return { state: { ...state, trials }, actions };
}

function wantedInterruption(own: TrialState, stop: StopMode): TrialState["interrupting"] {
  const { inHand, interrupting } = own;
  if (stop === "no" || inHand === null || inHand === "finish" || inHand === "release") {
    return interrupting;
  }
  if (stop === "now") {
    return "hard";
  }
  const leavesNothing = ["open", "load", "restore", "sft", "evaluate"].includes(inHand);
  return leavesNothing && interrupting === "no" ? "soft" : interrupting;
}

/** The run's outcome once no trial has anything left to do; null before that. */
function outcomeAtRest({
  trials,
  stop,
  failure,
}: RunState): "done" | "failed" | "interrupted" | null {
  const states = Object.values(trials);
  const atRest = states.every(
    (own) => trialIsOver(own) || (own.phase === "pending" && stop !== "no"),
  );
  if (!atRest) {
    return null;
  }
  if (failure !== null) {
    return "failed";
  }
  const complete = states.every(({ phase }) => phase === "done" || phase === "dropped");
  return complete ? "done" : "interrupted";
}
