/** Runs an experiment on simulated workers, with a recorder in memory and every port at hand. */
import type { Experiment } from "../../src/config/schema/experiment.js";
import type { RunCommand } from "../../src/engine/commands.js";
import { runExperiment } from "../../src/engine/engine.js";
import { planRun } from "../../src/engine/plan.js";
import type { Observation, Ports, RunOutcome } from "../../src/engine/ports.js";
import { goingOnFromIntact, replay } from "../../src/engine/replay.js";
import { initialState } from "../../src/engine/run-state.js";
import { advance } from "../../src/engine/state.js";
import type { JournalEvent, StepEvent } from "../../src/journal/events.js";
import type { Command, Payload, Result } from "../../src/protocol/messages.js";
import type { ProgressListener, Worker } from "../../src/worker/contract.js";
import { simulatedWorker } from "../worker/simulated/worker.js";
import { MemoryRecorder } from "./memory-recorder.js";

/** Comes before the worker in every call of it; returns null to let the call pass. */
export type Trick = (call: {
  readonly trial: string;
  readonly command: Command;
  readonly payload: Payload<Command>;
  /** Of this command on this worker, from 0. */
  readonly nth: number;
  readonly pass: () => Promise<Result<Command>>;
}) => Promise<Result<Command>> | null;

export class Harness {
  readonly recorder: MemoryRecorder;
  /** Seconds, monotonic. */
  clock = () => performance.now() / 1000;
  /** Leave the recorder's folders for a later harness, which disposes of them. */
  keep = false;
  readonly stop = new AbortController();
  readonly abort = new AbortController();
  readonly observed: Observation[] = [];
  readonly opened: WatchedWorker[] = [];
  /** Workers go from trial to trial. */
  reuse = false;
  readonly spare: WatchedWorker[] = [];
  /** Seconds that were waited for, none of them in earnest. */
  readonly waits: number[] = [];
  readonly parallel: number;
  #listener: ((command: RunCommand) => string | null) | null = null;

  constructor(
    readonly experiment: Experiment,
    readonly trick: Trick = () => null,
    readonly onEvent: (event: JournalEvent, harness: Harness) => void = () => {},
    readonly open: Ports["openWorker"] | null = null,
    recorder = new MemoryRecorder(),
  ) {
    this.recorder = recorder;
    this.parallel = experiment.trials.parallel;
  }

  /**
   * @param before events of a controller that is gone; its recorder's folders must live on
   */
  async run(before: readonly JournalEvent[] | null = null): Promise<RunOutcome> {
    const ports: Ports = {
      openWorker: async (trial, abandon, waiting) => {
        const spare = this.spare.pop();
        if (spare !== undefined) {
          spare.trial = trial;
          return spare;
        }
        const inner =
          this.open === null ? simulatedWorker() : await this.open(trial, abandon, waiting);
        const worker = new WatchedWorker(trial, inner, this.trick);
        this.opened.push(worker);
        return worker;
      },
      ...(this.reuse ? { spares: this.#spares } : {}),
      recorder: this.recorder,
      artifacts: this.recorder.artifacts,
      clock: () => this.clock(),
      wait: async (seconds) => {
        this.waits.push(seconds);
      },
      observe: (observation) => {
        this.observed.push(observation);
        if (observation.kind === "event") {
          this.onEvent(observation.event, this);
        }
      },
      commands: (listener) => {
        this.#listener = listener;
        return () => {
          this.#listener = null;
        };
      },
      stop: this.stop.signal,
      abort: this.abort.signal,
    };
    const plan = planRun(this.experiment, { cores: 2, gpus: 0 });
    const left = before === null ? null : await replay(this.experiment, plan, before, 0);
    const past = left === null ? null : await goingOnFromIntact(left, this.recorder);
    try {
      return await runExperiment(this.experiment, plan, ports, past);
    } finally {
      if (!this.keep) {
        this.recorder.dispose();
      }
    }
  }

  readonly #spares: NonNullable<Ports["spares"]> = {
    giveBack: (worker) => void this.spare.push(worker as WatchedWorker),
    closeSpares: async () => {
      await Promise.all(this.spare.splice(0).map((worker) => worker.close()));
    },
  };

  /** Undefined: nobody takes commands, the run has not begun or is over. */
  ask(command: RunCommand): string | null | undefined {
    return this.#listener?.(command);
  }

  get events(): readonly JournalEvent[] {
    return this.recorder.events;
  }

  types(trial: string | null): string[] {
    return this.events.filter((event) => event.trial === trial).map(({ type }) => type);
  }

  steps(trial: string): StepEvent[] {
    return this.events.filter(
      (event): event is StepEvent => event.type === "step" && event.trial === trial,
    );
  }

  /** Nothing is in hand, and nothing will be before the next command. */
  get rests(): boolean {
    const plan = planRun(this.experiment, { cores: 2, gpus: 0 });
    let state = initialState(plan);
    for (const event of this.events) [state] = advance(plan, state, event);
    return state.paused && Object.values(state.trials).every(({ inHand }) => inHand === null);
  }

  get allClosed(): boolean {
    return this.opened.every(({ closed, inHand }) => closed && inHand === 0);
  }
}

/** Counts what is in hand and notes its end. */
export class WatchedWorker implements Worker {
  inHand = 0;
  closed = false;
  readonly #nth = new Map<Command, number>();

  constructor(
    /** That it serves now. */
    public trial: string,
    readonly inner: Worker,
    readonly trick: Trick,
  ) {}

  get hello(): Worker["hello"] {
    return this.inner.hello;
  }

  async call<C extends Command>(
    command: C,
    payload: Payload<C>,
    onProgress?: ProgressListener,
  ): Promise<Result<C>> {
    const nth = this.#nth.get(command) ?? 0;
    this.#nth.set(command, nth + 1);
    const pass = () => this.inner.call(command, payload, onProgress);
    this.inHand += 1;
    try {
      const tricked = this.trick({ trial: this.trial, command, payload, nth, pass });
      return (await (tricked ?? pass())) as Result<C>;
    } finally {
      this.inHand -= 1;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.inner.close();
  }
}

/** What must not differ between two runs of one experiment: all but times, numbers and paths. */
export function figuresOf(events: readonly JournalEvent[], trial: string): object[] {
  return events
    .filter((event) => event.trial === trial && event.type !== "warning")
    .map((event) => {
      const { seq: _seq, time: _time, ...own } = event;
      const timed = ["seconds", "episodes_per_s", "path", "pid"];
      return Object.fromEntries(Object.entries(own).filter(([key]) => !timed.includes(key)));
    });
}
