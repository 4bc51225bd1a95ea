/**
 * Performs the state machine's actions:
 *
 *   event ── journal ── advance ──> actions ── perform, side by side ──> events …
 *
 * Everything that happens passes through `#happened`, in the journal's order. What is decided lies
 * in the pure state; here are only promises, workers and their end.
 */

import { summarise } from "../analysis/aggregate.js";
import type { Evaluation } from "../analysis/evaluation.js";
import { type RunFigures, withEvent } from "../analysis/trial-figures.js";
import type { Experiment } from "../config/schema/experiment.js";
import type { EventPayload } from "../journal/events.js";
import { WorkerLost } from "../worker/contract.js";
import type { Action, TrialAction } from "./action.js";
import { commanded, type RunCommand } from "./commands.js";
import { failureFacts, lossOf, UnrecordedError } from "./failure.js";
import { LiveTrials } from "./live-trials.js";
import type { Plan } from "./plan.js";
import type { Ports, RunOutcome } from "./ports.js";
import { RecordedInputs } from "./recorded-inputs.js";
import { RecordedStages } from "./recorded-stages.js";
import type { Past } from "./replay.js";
import { initialState, type RunState } from "./run-state.js";
import { advance } from "./state.js";
import { newestPoint } from "./trial-state.js";

/**
 * Runs an experiment to its end, its failure or its interruption. When it settles, in whatever
 * way, all workers are closed and nothing is under way.
 *
 * @param past of a run that is taken up again; null: it begins
 * @throws what the recorder throws when even the journal cannot be written
 */
export async function runExperiment(
  experiment: Experiment,
  plan: Plan,
  ports: Ports,
  past: Past | null = null,
): Promise<RunOutcome> {
  const run = new Run(experiment, plan, ports, past);
  try {
    return await run.outcome;
  } finally {
    await run.end();
  }
}

class Run {
  readonly outcome: Promise<RunOutcome>;
  #settle!: (outcome: RunOutcome) => void;
  #fail!: (error: unknown) => void;
  #state: RunState;
  #figures: RunFigures;
  readonly #inputs: RecordedInputs;
  readonly #stages: RecordedStages;
  readonly #live: LiveTrials;
  readonly #startedAt: number;
  readonly #onStop = (): void => void this.#command("stop");
  readonly #onAbort = (): void => void this.#command("abort");
  readonly #waiting: [trial: string | null, eventPayload: EventPayload][] = [];
  readonly #withdraw: () => void;
  #dealing = false;
  /** Settled: what still comes in is dropped. */
  #over = false;

  constructor(
    private readonly experiment: Experiment,
    private readonly plan: Plan,
    private readonly ports: Ports,
    past: Past | null,
  ) {
    this.#state = past?.state ?? initialState(plan);
    this.#figures = past?.figures ?? new Map();
    this.#startedAt = ports.clock();
    this.#inputs = past?.inputs ?? new RecordedInputs(experiment, plan);
    this.#stages = past?.stages ?? new RecordedStages();
    this.#live = new LiveTrials(
      experiment,
      plan,
      ports,
      this.#inputs,
      this.#stages,
      (trial, eventPayload) => this.#happened(trial, eventPayload),
    );
    this.outcome = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    this.#happened(null, past?.resumed ?? started(plan));
    this.#withdraw = ports.commands?.((command) => this.#command(command)) ?? (() => {});
    whenAborted(ports.stop, this.#onStop);
    whenAborted(ports.abort, this.#onAbort);
  }

  async end(): Promise<void> {
    this.#over = true;
    this.#withdraw();
    this.ports.stop.removeEventListener("abort", this.#onStop);
    this.ports.abort.removeEventListener("abort", this.#onAbort);
    await this.#live.closeAll();
  }

  /** @returns null: it is carried out; or why it does not apply */
  #command(command: RunCommand): string | null {
    const answer = commanded(this.plan, this.#state, command);
    if ("refused" in answer) {
      return answer.refused;
    }
    this.#happened(null, answer);
    return null;
  }

  /** One event is wholly dealt with before the next: what acting or showing brings about waits. */
  #happened(trial: string | null, eventPayload: EventPayload): void {
    this.#waiting.push([trial, eventPayload]);
    if (this.#dealing) {
      return;
    }
    this.#dealing = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#deal(...next);
    }
    this.#dealing = false;
  }

  /** Journals, shows, decides, acts. A fault in here ends the run: nothing can be trusted then. */
  #deal(trial: string | null, eventPayload: EventPayload): void {
    if (this.#over) {
      return;
    }
    try {
      const event = this.ports.recorder.append(trial, eventPayload);
      if (event.type === "checkpoint_dropped") {
        this.#remove(event.path);
      }
      if (event.type === "continued") {
        this.#live.rested();
      }
      this.ports.observe({ kind: "event", event });
      this.#figures = withEvent(this.#figures, event);
      this.#inputs.take(event);
      this.#stages.take(event);
      const [state, actions] = advance(this.plan, this.#state, event);
      this.#state = state;
      for (const action of actions) {
        this.#act(action);
      }
      if (event.type !== "step" && nobodyWaits(state)) {
        this.#live.closeSpares();
      }
    } catch (error) {
      this.#over = true;
      const failed = eventPayload.type === "trial_failed" || eventPayload.type === "worker_lost";
      const unrecorded = failed && error instanceof Error;
      this.#fail(unrecorded ? new UnrecordedError(eventPayload.message, error) : error);
    }
  }

  #act(action: Action): void {
    switch (action.kind) {
      case "interrupt":
        this.#live.interrupt(action.trial, this.#state.trials[action.trial]!.inHand, action.hard);
        return;
      case "discard":
        for (const point of action.points) {
          this.#happened(action.trial, { type: "checkpoint_dropped", ...point });
        }
        return;
      case "decide":
        this.#happened(null, action.decision);
        return;
      case "conclude":
        void this.#conclude(action.outcome);
        return;
      default:
        void this.#perform(action);
    }
  }

  async #perform(action: TrialAction): Promise<void> {
    const { trial, kind } = action;
    let eventPayload: EventPayload;
    try {
      eventPayload = await this.#live.perform(action);
    } catch (error) {
      const { interrupting } = this.#state.trials[trial]!;
      if (this.#live.brokeOff(error, kind, interrupting)) {
        eventPayload = { type: "action_interrupted", action: kind };
      } else {
        this.#live.forget(trial);
        eventPayload = this.#lost(trial, kind, error) ?? this.#failed(trial, error);
      }
    }
    this.#happened(trial, eventPayload);
  }

  /**
   * Null: no other worker is to take its place. What keeps a trial's first worker from starting is told
   * at once, for it would keep the next one as well: unless it may pass, as a cancelled job or a kill.
   */
  #lost(trial: string, action: TrialAction["kind"], error: unknown): EventPayload | null {
    const reason = lossOf(error);
    const own = this.#state.trials[trial]!;
    const passing = error instanceof WorkerLost && error.passing;
    const hopeless = action === "open" && !own.hadWorker && !passing;
    if (reason === null || hopeless || own.restarts >= this.plan.restarts) {
      return null;
    }
    const { message, detail } = failureFacts(error);
    return {
      type: "worker_lost",
      reason,
      action,
      message,
      detail,
      stacks: this.#keepStacks(trial, error),
      restarts: own.restarts + 1,
      from: newestPoint(own)?.step ?? null,
    };
  }

  #failed(trial: string, error: unknown): EventPayload {
    const facts = failureFacts(error);
    const { restarts } = this.#state.trials[trial]!;
    const stacks = this.#keepStacks(trial, error);
    const after =
      lossOf(error) === null || restarts === 0
        ? ""
        : `; its worker was restarted ${restarts} times before (trials.restarts)`;
    const where = stacks === null ? "" : `; the stacks of its threads are in ${stacks}`;
    return { type: "trial_failed", ...facts, message: `${facts.message}${where}${after}` };
  }

  /** A folder that stays costs space, not the run. */
  #remove(path: string): void {
    try {
      this.ports.recorder.remove(path);
    } catch (error) {
      this.#happened(null, { type: "warning", message: failureFacts(error).message });
    }
  }

  #keepStacks(trial: string, error: unknown): string | null {
    const stacks = error instanceof WorkerLost ? error.stacks : null;
    return stacks === null ? null : this.ports.recorder.writeStacks(trial, stacks);
  }

  async #conclude(outcome: RunOutcome["outcome"]): Promise<void> {
    await this.#live.closeAll();
    const { failure } = this.#state;
    if (outcome === "interrupted") {
      this.#finish("stopped on request", { outcome });
    } else if (failure !== null) {
      this.#finish(failure.message, { outcome: "failed", ...failure });
    } else {
      try {
        const evaluation: Evaluation = summarise(this.experiment, this.#figures);
        this.ports.recorder.writeEvaluation(evaluation);
        this.#finish("", { outcome: "done", evaluation });
      } catch (error) {
        const { reason: kind, ...facts } = failureFacts(error);
        this.#finish(facts.message, { outcome: "failed", kind, trial: null, ...facts });
      }
    }
  }

  #finish(message: string, outcome: RunOutcome): void {
    const seconds = this.ports.clock() - this.#startedAt;
    this.#happened(null, { type: "run_finished", outcome: outcome.outcome, message, seconds });
    this.#settle(outcome);
  }
}

function started({ name, trials, parallel }: Plan): EventPayload {
  return { type: "run_started", name, trials: trials.map(({ id }) => id), parallel };
}

/** Every trial has its worker, or needs none any more. */
function nobodyWaits({ trials }: RunState): boolean {
  return Object.values(trials).every(({ phase }) => phase !== "pending");
}

function whenAborted(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) {
    listener();
  } else {
    signal.addEventListener("abort", listener, { once: true });
  }
}
