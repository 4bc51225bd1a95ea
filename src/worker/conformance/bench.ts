/** A worker under test: calls that check the answer, refusals that are wanted, and what is loaded. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { float32Bytes, uint32Array } from "../../protocol/arrays.js";
import { checked } from "../../protocol/fault.js";
import {
  type Command,
  commands,
  type ErrorKind,
  type Payload,
  type Result,
} from "../../protocol/messages.js";
import { plainUpdate } from "../../protocol/plain-payloads.js";
import { type Worker, WorkerFailure } from "../contract.js";
import { Breach, holds, same } from "./breach.js";
import { builtinLoad } from "./payloads.js";

/** Ids of the prompts that are loaded. */
export interface LoadedPrompts {
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

export interface ExpectedRefusal {
  readonly kind: ErrorKind;
  /** Config key that it names; left out: any or none. */
  readonly key?: string;
  /** What its message has in it. */
  readonly mentions?: string;
}

export class Bench {
  #prompts: LoadedPrompts | null = null;

  /**
   * @param worker that has not loaded anything yet
   * @param folder for what it writes, which it must reach under the same path
   * @param device as in `backend.device`
   */
  constructor(
    readonly worker: Worker,
    private readonly folder: string,
    private readonly device: string,
  ) {}

  get capabilities(): Worker["hello"]["capabilities"] {
    return this.worker.hello.capabilities;
  }

  /** A load of the built-in world that this worker can do. */
  get loading(): Payload<"load"> {
    const { critic, ema } = this.capabilities;
    const { training, backend } = builtinLoad;
    return {
      ...builtinLoad,
      training: { ...training, critic, ema_decay: ema ? training.ema_decay : 0 },
      backend: { ...backend, device: this.device },
    };
  }

  /** A folder of its own. */
  fresh(): string {
    return mkdtempSync(join(this.folder, "part-"));
  }

  /** @throws {Breach} the answer is not of the protocol: not every worker goes through the codec */
  async ask<C extends Command>(command: C, payload: Payload<C>): Promise<Result<C>> {
    if (command === "load" || command === "train_stage") this.#prompts = null;
    const result = await this.worker.call(command, payload);
    return checked(commands[command].result, result, `result of \`${command}\``) as Result<C>;
  }

  /** Loads anew, so that the weights are those that a load begins with. */
  async loaded(changes: Partial<Payload<"load">> = {}): Promise<LoadedPrompts> {
    const { train, test } = await this.ask("load", { ...this.loading, ...changes });
    const prompts = { train: uint32Array(train.ids), test: uint32Array(test.ids) };
    this.#prompts = Object.keys(changes).length === 0 ? prompts : null;
    return prompts;
  }

  /** As loaded before, whatever has been learned since. */
  async prompts(): Promise<LoadedPrompts> {
    return this.#prompts ?? this.loaded();
  }

  /** @throws {Breach} it was not refused, or in another way */
  async refused<C extends Command>(
    command: C,
    payload: Payload<C>,
    { kind, key, mentions = "" }: ExpectedRefusal,
  ): Promise<void> {
    const failure = await this.failureOf(`\`${command}\``, this.worker.call(command, payload));
    same(`kind of the refusal of \`${command}\` (${failure.message})`, failure.kind, kind);
    if (key !== undefined) same(`key that the refusal of \`${command}\` names`, failure.key, key);
    holds(
      failure.message.includes(mentions),
      `the refusal of \`${command}\` does not name ${mentions}: ${failure.message}`,
    );
  }

  async failureOf(what: string, call: Promise<unknown>): Promise<WorkerFailure> {
    try {
      await call;
    } catch (error) {
      if (error instanceof WorkerFailure) return error;
      throw error;
    }
    throw new Breach(`${what} was answered; expected a failure`);
  }

  /**
   * An update of the episodes whose number is not 0: by weights on a critic's advantages, and where
   * there is no critic by these numbers as advantages.
   */
  learning(
    rollout: number,
    numbers: ArrayLike<number>,
    changes: Partial<Payload<"update">> = {},
  ): Payload<"update"> {
    return this.capabilities.critic
      ? plainUpdate(rollout, numbers, changes)
      : plainUpdate(rollout, null, { advantages: float32Bytes(numbers), ...changes });
  }
}
