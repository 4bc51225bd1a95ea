/** The workers of the trials in hand, what they are doing, and how that is aborted. */
import type { Experiment } from "../config/schema/experiment.js";
import type { ActionKind, EventPayload } from "../journal/events.js";
import { WorkerFailure } from "../worker/contract.js";
import type { TrialAction } from "./action.js";
import { perform } from "./actions/perform.js";
import type { Plan } from "./plan.js";
import type { Ports } from "./ports.js";
import type { RecordedInputs } from "./recorded-inputs.js";
import type { RecordedStages } from "./recorded-stages.js";
import type { TrialContext } from "./trial-context.js";
import type { TrialState } from "./trial-state.js";

interface Live {
  readonly context: TrialContext;
  readonly abandon: AbortController;
}

export class LiveTrials {
  readonly #live = new Map<string, Live>();
  /** Under way, including abandoned ones. None of them rejects. */
  readonly #work = new Set<Promise<unknown>>();

  constructor(
    private readonly experiment: Experiment,
    private readonly plan: Plan,
    private readonly ports: Ports,
    private readonly inputs: RecordedInputs,
    private readonly stages: RecordedStages,
    private readonly note: (trial: string, eventPayload: EventPayload) => void,
  ) {}

  /**
   * @throws {Abandoned} as soon as the trial is abandoned, whatever its worker does
   * @throws whatever went wrong; `failureFacts` reads it
   */
  async perform(action: TrialAction): Promise<EventPayload> {
    const { context, abandon } = this.#of(action.trial);
    const work = perform(action, context);
    this.#track(work);
    // The end of a trial is waited for in any case; all else can be abandoned.
    const ending = action.kind === "finish" || action.kind === "release";
    return await (ending ? work : unlessAborted(work, abandon.signal));
  }

  /**
   * Soft: the worker is asked to leave its command, and the action in hand tells how that went.
   * Hard: the action ends now and the worker is closed under it.
   */
  interrupt(trial: string, inHand: ActionKind | null, hard: boolean): void {
    const { context, abandon } = this.#of(trial);
    if (hard || inHand === "open" || context.waits) {
      abandon.abort();
    }
    if (context.worker !== null) {
      // A worker that is already gone is reported by the action in hand.
      this.#track(context.worker.call("interrupt", {}));
    }
    if (hard) {
      this.close(trial);
    }
  }

  /** Whether an error only says that the action in hand was aborted as asked. */
  brokeOff(error: unknown, action: ActionKind, interrupting: TrialState["interrupting"]): boolean {
    if (interrupting === "hard" || error instanceof Abandoned) {
      return interrupting !== "no";
    }
    const asAsked = error instanceof WorkerFailure && error.kind === "interrupted";
    return interrupting === "soft" && (asAsked || action === "open");
  }

  /** The run was paused: that time is no step's. */
  rested(): void {
    for (const { context } of this.#live.values()) {
      context.stepEndedAt = null;
    }
  }

  /** Closes a trial's worker in the background. */
  close(trial: string): void {
    const worker = this.#live.get(trial)?.context.worker ?? null;
    if (worker !== null) {
      this.#track(worker.close());
    }
  }

  /** Closes a trial's worker in the background; its next action begins without one. */
  forget(trial: string): void {
    this.close(trial);
    this.#live.get(trial)?.abandon.abort();
    this.#live.delete(trial);
  }

  /** No trial waits for a worker any more: closes those that are to spare, in the background. */
  closeSpares(): void {
    const { spares } = this.ports;
    if (spares !== undefined) {
      this.#track(spares.closeSpares());
    }
  }

  /** Closes every worker and waits for all that was under way. Nothing may be started meanwhile. */
  async closeAll(): Promise<void> {
    for (const { abandon } of this.#live.values()) {
      abandon.abort();
    }
    // The second round is for workers that opened in spite of being abandoned.
    for (let round = 0; round < 2; round += 1) {
      this.closeSpares();
      for (const trial of this.#live.keys()) {
        this.close(trial);
      }
      await Promise.all(this.#work);
    }
    this.#live.clear();
  }

  #of(id: string): Live {
    const known = this.#live.get(id);
    if (known !== undefined) {
      return known;
    }
    const abandon = new AbortController();
    const context: TrialContext = {
      experiment: this.experiment,
      trial: this.plan.trials.find((trial) => trial.id === id)!,
      ports: this.ports,
      inputs: this.inputs,
      stages: this.stages,
      abandoned: abandon.signal,
      onProgress: (progress) => this.ports.observe({ kind: "progress", trial: id, ...progress }),
      note: (eventPayload) => this.note(id, eventPayload),
      worker: null,
      loaded: null,
      fineTuned: null,
      waits: false,
      startedAt: this.ports.clock(),
      stepEndedAt: null,
      textless: false,
      diverged: false,
    };
    const live = { context, abandon };
    this.#live.set(id, live);
    return live;
  }

  #track(work: Promise<unknown>): void {
    const quiet = work.then(
      () => {},
      () => {},
    );
    this.#work.add(quiet);
    void quiet.then(() => this.#work.delete(quiet));
  }
}

class Abandoned extends Error {
  override readonly name = "Abandoned";
}

/** Promise.race would leave a listener behind for every action of a long trial. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Abandoned("this was abandoned"));
    if (signal.aborted) {
      onAbort();
    }
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
