/** A worker without Python or process, for fast tests: heavy-tailed returns that do improve. */
import { setImmediate } from "node:timers/promises";
import { checked, ProtocolFault } from "../../../src/protocol/fault.js";
import {
  type Command,
  commands,
  type GpuState,
  type Hello,
  type Payload,
  PROTOCOL_VERSION,
  type Result,
  type RewardFailure,
} from "../../../src/protocol/messages.js";
import {
  type ProgressListener,
  type Worker,
  WorkerFailure,
  WorkerLost,
} from "../../../src/worker/contract.js";
import { isControl } from "../../../src/worker/pending-calls.js";
import { SimulatedEngine } from "./engine.js";

export interface SimulationOptions {
  /** Of the world: prompts and their scores; 32 bits. */
  readonly seed?: number;
  /** Prompts in the train and the test set. */
  readonly prompts?: { readonly train: number; readonly test: number };
  /** Prompt ids whose completions get no reward, and how it fails. */
  readonly failing?: ReadonlyMap<number, RewardFailure["kind"]>;
  /** What it reports of its GPU; null, the default: it has none. */
  readonly gpu?: GpuState | null;
}

type EngineCommand = Exclude<Command, "ping" | "interrupt" | "shutdown">;

/** What a phase of progress is called, and counted in. */
const PHASES: Readonly<Record<EngineCommand, readonly [phase: string, unit: string]>> = {
  load: ["load", "models"],
  sft: ["sft", "steps"],
  rollout: ["sample", "episodes"],
  update: ["update", "steps"],
  texts: ["texts", "texts"],
  evaluate: ["evaluate", "episodes"],
  save: ["save", "checkpoints"],
  restore: ["restore", "checkpoints"],
  export: ["export", "models"],
};

/** Makes a worker that is ready for `load`. Nothing it answers depends on time or machine. */
export function simulatedWorker(options: SimulationOptions = {}): Worker {
  return new SimulatedWorker(options);
}

class SimulatedWorker implements Worker {
  readonly hello: Hello = {
    kind: "hello",
    protocol: PROTOCOL_VERSION,
    session: "simulated",
    pid: process.pid,
    engine: "simulated",
    version: "1",
    capabilities: {
      sft: true,
      lora: false,
      prefix_baseline: true,
      average: true,
      checkpoint: true,
    },
  };
  readonly #engine: SimulatedEngine;
  #loaded = false;
  #inHand: EngineCommand | null = null;
  #interrupted = false;
  #closed = false;

  constructor({
    seed = 0,
    prompts = { train: 400, test: 100 },
    failing = new Map(),
    gpu = null,
  }: SimulationOptions) {
    this.#engine = new SimulatedEngine(seed, prompts.train, prompts.test, failing, gpu);
  }

  async call<C extends Command>(
    command: C,
    payload: Payload<C>,
    onProgress?: ProgressListener,
  ): Promise<Result<C>> {
    this.#requireOpen();
    const read = readPayload(command, payload);
    if (isControl(command)) {
      return this.#control(command) as Result<C>;
    }
    return this.#work(command as EngineCommand, read, onProgress) as Promise<Result<C>>;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #control(command: Command): Result<"ping"> | Record<string, never> {
    if (command === "ping") {
      const phase = this.#inHand === null ? null : PHASES[this.#inHand][0];
      return { busy: this.#inHand, phase, memory_bytes: 0 };
    }
    this.#interrupted = this.#inHand !== null;
    this.#closed ||= command === "shutdown";
    return {};
  }

  async #work(
    command: EngineCommand,
    payload: unknown,
    onProgress: ProgressListener | undefined,
  ): Promise<unknown> {
    if (this.#inHand !== null) {
      refuse(command, "protocol", `\`${command}\` came while \`${this.#inHand}\` is in hand`);
    }
    if (!this.#loaded && command !== "load") {
      refuse(command, "protocol", `\`${command}\` came before a \`load\` that succeeded`);
    }
    this.#inHand = command;
    this.#interrupted = false;
    try {
      const [phase, unit] = PHASES[command];
      onProgress?.({ phase, done: 0, total: 1, unit });
      // Gives pings and interrupts their turn, as a real worker does while it works.
      await setImmediate();
      this.#requireOpen();
      if (this.#interrupted) {
        refuse(command, "interrupted", `\`${command}\` was interrupted on request`);
      }
      // The payload was checked against the schema of this very command.
      const perform = this.#engine[command] as (payload: unknown) => unknown;
      const result = perform.call(this.#engine, payload);
      this.#loaded ||= command === "load";
      onProgress?.({ phase, done: 1, total: 1, unit });
      return result;
    } finally {
      this.#inHand = null;
    }
  }

  #requireOpen(): void {
    if (this.#closed) {
      throw new WorkerLost("the simulated worker was closed", "exited", []);
    }
  }
}

function readPayload<C extends Command>(command: C, payload: Payload<C>): unknown {
  try {
    return checked(commands[command].payload, payload, `payload of \`${command}\``);
  } catch (error) {
    if (error instanceof ProtocolFault) {
      refuse(command, error.diverged ? "diverged" : "protocol", error.message);
    }
    throw error;
  }
}

function refuse(command: Command, kind: WorkerFailure["kind"], message: string): never {
  throw new WorkerFailure(command, kind, message, null, null);
}
