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
  type ScoreFailure,
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
  readonly failing?: ReadonlyMap<number, ScoreFailure["kind"]>;
  /** What it reports of its GPU; null, the default: it has none. */
  readonly gpu?: GpuState | null;
  /** What it says of its devices; default: one CPU of 4 cores. */
  readonly devices?: Result<"devices">;
  /** Figures of an update that it reports; default: all that there are. */
  readonly reported?: readonly string[];
}

type EngineCommand = Exclude<Command, "ping" | "interrupt" | "shutdown">;

/** What a phase of progress is called, and counted in. */
const PHASES: Readonly<Record<EngineCommand, readonly [phase: string, unit: string]>> = {
  devices: ["devices", "devices"],
  describe_stage: ["describe", "stages"],
  train_stage: ["stage", "steps"],
  load: ["load", "models"],
  score_prompts: ["score", "texts"],
  sft: ["sft", "steps"],
  rollout: ["sample", "episodes"],
  update: ["update", "steps"],
  texts: ["texts", "texts"],
  evaluate: ["evaluate", "episodes"],
  toxicity: ["toxicity", "completions"],
  capability: ["capability", "tasks"],
  save: ["save", "checkpoints"],
  restore: ["restore", "checkpoints"],
  export: ["export", "models"],
};

const withoutLoad: readonly Command[] = ["devices", "describe_stage", "train_stage", "load"];

const ONE_CPU: Result<"devices"> = {
  auto: "cpu",
  devices: [{ name: "cpu", description: "simulated", memory_bytes: null }],
  cores: 4,
};

function declared(names: readonly string[]): Hello["figures"]["update"] {
  return Object.fromEntries(
    names.map((name) => [name, { unit: "", description: `simulated ${name}` }]),
  );
}

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
    host: "simulated",
    engine: "simulated",
    version: "1",
    capabilities: {
      sft: true,
      stages: true,
      lora: false,
      critic: true,
      prefix_baseline: true,
      ema: true,
      checkpoint: true,
      completions: true,
      kl_loss: true,
      bitwise: true,
      common_random_numbers: true,
      distributed: false,
      harness: true,
    },
    engine_options: {
      type: "object",
      properties: { speed: { type: "number", minimum: 0, description: "ignored" } },
      additionalProperties: false,
    },
    limits: [],
    figures: {
      update: declared([
        "loss_policy",
        "loss_value",
        "loss_kl",
        "kl_estimate",
        "entropy",
        "clip_fraction",
        "approx_kl",
        "grad_norm",
        "explained_variance",
        "advantage_deviation",
      ]),
      evaluate: declared([
        "dist_1",
        "dist_2",
        "dist_3",
        "perplexity",
        "repetition_rate",
        "self_bleu",
        "fluency",
        "fluency_left_out",
        "dist_1_per_prompt",
        "dist_2_per_prompt",
        "dist_3_per_prompt",
      ]),
      stage: declared(["loss"]),
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
    devices = ONE_CPU,
    reported,
  }: SimulationOptions) {
    const { train, test } = prompts;
    const all = reported ?? null;
    this.#engine = new SimulatedEngine(seed, train, test, failing, gpu, devices, all);
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
      refuse(command, "protocol", `\`${command}\` arrived while \`${this.#inHand}\` is running`);
    }
    if (!this.#loaded && !withoutLoad.includes(command)) {
      refuse(command, "protocol", `\`${command}\` arrived before a successful \`load\``);
    }
    this.#inHand = command;
    this.#interrupted = false;
    try {
      const [phase, unit] = PHASES[command];
      onProgress?.({ phase, done: 0, total: 1, unit, loss: null });
      // Gives pings and interrupts their turn, as a real worker does while it works.
      await setImmediate();
      this.#requireOpen();
      if (this.#interrupted) {
        refuse(command, "interrupted", `\`${command}\` was interrupted on request`);
      }
      // The payload was checked against the schema of this very command.
      const perform = this.#engine[command] as (payload: unknown) => unknown;
      const result = perform.call(this.#engine, payload);
      this.#loaded = command === "load" || (this.#loaded && command !== "train_stage");
      onProgress?.({ phase, done: 1, total: 1, unit, loss: null });
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
