/**
 * How far a run is, taken from its journal event by event: what lists of runs show. Small whatever
 * the journal's length, so that it can be saved, and taken up again from there.
 */
import { trialParts } from "../config/trials.js";
import type { EventHead } from "../journal/event-head.js";
import type { RunModel, TrialModel } from "../run-model/run-model.js";
import { paceAfter, secondsOf } from "../run-model/time-left.js";

export interface TrialProgress
  extends Pick<TrialModel, "startedAt" | "endedAt" | "lastStepAt" | "pace"> {
  /** `starting` is not told apart from the others: no event begins it. */
  readonly status: Exclude<TrialModel["status"], "starting">;
  /** M; 0 for base and sft; null: it has not started. */
  readonly iterations: number | null;
  /** Iterations done. */
  readonly step: number;
}

/** As JSON. */
export interface ProgressFacts {
  /** Trials side by side. */
  readonly parallel: number;
  /** What its controller was asked for last, in so far as it has one. */
  readonly state: Extract<RunModel["state"], "running" | "paused" | "stopping">;
  /** Trial of the last step. */
  readonly last_trial: string | null;
  /** Of the last step's returns, at the target α. */
  readonly cvar: number | null;
  /** By id, in the plan's order. */
  readonly trials: Readonly<Record<string, TrialProgress>>;
}

/** All that matters of a step; what else its event has does no harm. */
export type StepSummary = Pick<
  Extract<EventHead, { type: "step" }>,
  "type" | "time" | "trial" | "step" | "cvar"
>;

const atStart: ProgressFacts = {
  parallel: 1,
  state: "running",
  last_trial: null,
  cvar: null,
  trials: {},
};
const newTrial: TrialProgress = {
  status: "waiting",
  iterations: null,
  step: 0,
  startedAt: null,
  endedAt: null,
  lastStepAt: null,
  pace: null,
};

export class RunProgress {
  readonly #trials: Map<string, TrialProgress>;
  #rest: Omit<ProgressFacts, "trials">;

  /** @param facts of the journal's events so far */
  constructor({ trials, ...rest }: ProgressFacts = atStart) {
    this.#trials = new Map(Object.entries(trials));
    this.#rest = rest;
  }

  get facts(): ProgressFacts {
    return { ...this.#rest, trials: Object.fromEntries(this.#trials) };
  }

  take(event: EventHead | StepSummary): void {
    switch (event.type) {
      case "run_started":
        this.#rest = { ...this.#rest, parallel: event.parallel };
        for (const id of event.trials) this.#change(id, {});
        return;
      case "run_resumed":
        this.#rest = { ...this.#rest, parallel: event.parallel, state: "running" };
        for (const [id, from] of Object.entries(event.from)) {
          this.#change(id, { status: "waiting", step: from ?? 0, endedAt: null, lastStepAt: null });
        }
        return;
      case "paused":
        this.#rest = { ...this.#rest, state: "paused" };
        return;
      case "continued":
        this.#rest = { ...this.#rest, state: "running" };
        for (const id of this.#trials.keys()) this.#change(id, { lastStepAt: null });
        return;
      case "points_dropped":
        for (const [id, { status }] of this.#trials) {
          if (event.dropped.includes(trialParts(id).arm) && status === "waiting")
            this.#change(id, { status: "dropped" });
        }
        return;
      case "stop_requested":
        this.#rest = { ...this.#rest, state: "stopping" };
        return;
    }
    if (event.trial !== null) this.#takeOfTrial(event, event.trial);
  }

  #takeOfTrial(event: EventHead | StepSummary, id: string): void {
    switch (event.type) {
      case "trial_started":
        this.#change(id, {
          status: "running",
          iterations: event.iterations,
          startedAt: secondsOf(event),
          lastStepAt: null,
        });
        return;
      case "step": {
        const at = secondsOf(event);
        const { pace, lastStepAt } = this.#trial(id);
        // What the first step took stands in the middle of its line, which lists do not read.
        const after = lastStepAt === null ? pace : paceAfter(pace, at - lastStepAt);
        this.#change(id, { step: event.step + 1, lastStepAt: at, pace: after });
        this.#rest = { ...this.#rest, last_trial: id, cvar: event.cvar };
        return;
      }
      case "worker_lost":
      case "checkpoint_damaged":
        this.#change(id, { step: event.from ?? 0, lastStepAt: null });
        return;
      case "trial_finished":
        this.#change(id, { status: "done", endedAt: secondsOf(event) });
        return;
      case "trial_failed":
        this.#change(id, { status: "failed", endedAt: secondsOf(event) });
        this.#rest = { ...this.#rest, state: "stopping" };
        return;
      case "trial_interrupted":
        this.#change(id, { status: "interrupted", endedAt: secondsOf(event) });
    }
  }

  #trial(id: string): TrialProgress {
    return this.#trials.get(id) ?? newTrial;
  }

  #change(id: string, changes: Partial<TrialProgress>): void {
    this.#trials.set(id, { ...this.#trial(id), ...changes });
  }
}
