/** Requests out, answers in: every message of the worker finds its call, or is reported. */

import { checkedResult, decodeMessage, encodeRequest } from "../protocol/codec.js";
import { ProtocolFault } from "../protocol/fault.js";
import type {
  Command,
  FromWorker,
  Hello,
  Payload,
  Progress,
  Result,
} from "../protocol/messages.js";
import type { Redaction } from "../text/redaction.js";
import { type ProgressListener, WorkerFailure } from "./contract.js";
import { type PendingCall, PendingCalls } from "./pending-calls.js";

export interface ExchangeEvents {
  greeted(hello: Hello): void;
  /** The worker's first message is not its hello, or of another version. */
  refused(fault: ProtocolFault): void;
  /** A message that belongs to no call: late, twice, of another session. It is ignored. */
  stray(text: string): void;
}

export interface CallOptions {
  readonly onProgress: ProgressListener | undefined;
  /** Milliseconds without progress, after which `onTimeout` is called, once a timeout. */
  readonly limit: (call: PendingCall) => number;
  readonly onTimeout: (call: PendingCall) => void;
}

type Answer = Exclude<FromWorker, { kind: "hello" | "progress" }>;

export class Exchange {
  readonly calls = new PendingCalls();
  #hello: Hello | null = null;

  constructor(
    private readonly session: string,
    private readonly events: ExchangeEvents,
    /** Every text of the worker that says what went wrong is told without these. */
    private readonly redaction: Redaction,
  ) {}

  /**
   * Encodes a request and registers its call.
   *
   * @returns The bytes to send, and the answer to wait for.
   * @throws {WorkerFailure} the payload is not what the command takes.
   */
  request<C extends Command>(
    command: C,
    payload: Payload<C>,
    { onProgress, limit, onTimeout }: CallOptions,
  ): { readonly bytes: Uint8Array; readonly answer: Promise<Result<C>> } {
    const id = this.calls.nextId();
    let bytes: Uint8Array;
    try {
      bytes = encodeRequest(this.session, id, command, payload);
    } catch (error) {
      throw this.#failure(command, error);
    }
    const answer = new Promise<Result<C>>((resolve, reject) => {
      const settle = resolve as PendingCall["resolve"];
      const asked = { id, command, payload, resolve: settle, reject, onProgress };
      const call: PendingCall = { ...asked, progress: null };
      this.calls.add(call, {
        limit: () => limit(call),
        onTimeout: () => onTimeout(call),
      });
    });
    return { bytes, answer };
  }

  /** Takes in one message of the worker, whatever it is. */
  receive(bytes: Uint8Array): void {
    let message: FromWorker;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      this.#unreadable(asFault(error));
      return;
    }
    if (message.session !== this.session) {
      this.#misplaced(`a ${message.kind} of session "${message.session}"`);
    } else if (this.#hello === null && message.kind === "hello") {
      this.#hello = message;
      this.events.greeted(message);
    } else if (this.#hello === null) {
      this.#misplaced(`a ${message.kind} before its hello`);
    } else if (message.kind === "hello") {
      this.#misplaced("a second hello");
    } else if (message.kind === "progress") {
      this.#progress(message);
    } else {
      this.#settle(message);
    }
  }

  /** Ends every call with this reason. */
  failAll(reason: (call: PendingCall) => Error): void {
    for (const call of this.calls.takeAll()) {
      call.reject(reason(call));
    }
  }

  #progress(message: Progress): void {
    try {
      if (!this.calls.progressed(message)) {
        this.#misplaced(`progress of ${this.calls.unaskedText(message.id)}`);
      }
    } catch (error) {
      // The caller's listener threw: that call's trouble, not the connection's.
      this.calls.take(message.id)?.reject(error as Error);
    }
  }

  #settle(message: Answer): void {
    if (message.kind === "failure" && message.id === null) {
      const text = `the worker could not read a request: ${message.message}`;
      this.#unreadable(new ProtocolFault(text));
      return;
    }
    const call = message.id === null ? null : this.calls.take(message.id);
    if (call === null) {
      this.#misplaced(`a ${message.kind} to ${this.calls.unaskedText(message.id)}`);
    } else if (message.kind === "failure") {
      const { error, message: text, key, detail } = message;
      const { whole } = this.redaction;
      const told = detail === null ? null : whole(detail);
      call.reject(new WorkerFailure(call.command, error, whole(text), key, told));
    } else {
      try {
        const { command, payload, id } = call;
        const result = checkedResult(command, payload, id, message.result, this.#hello!.figures);
        for (const failure of scoreFailures(result)) {
          failure.message = this.redaction.whole(failure.message);
        }
        call.resolve(result);
      } catch (error) {
        call.reject(this.#failure(call.command, error));
      }
    }
  }

  #misplaced(text: string): void {
    if (this.#hello !== null) {
      this.events.stray(text);
    } else {
      this.events.refused(new ProtocolFault(text));
    }
  }

  /** What cannot be read may have been anyone's answer: rather a wrong end than an endless wait. */
  #unreadable(fault: ProtocolFault): void {
    if (this.#hello === null) {
      this.events.refused(fault);
      return;
    }
    const call = fault.id === null ? null : this.calls.take(fault.id);
    if (call !== null) {
      call.reject(this.#failure(call.command, fault));
      return;
    }
    this.events.stray(fault.message);
    if (fault.id === null) {
      this.failAll(({ command }) => this.#failure(command, fault));
    }
  }

  /** A wrong message ends its call as the worker's own failures do; NaN is a kind of its own. */
  #failure(command: Command, error: unknown): WorkerFailure {
    const fault = asFault(error);
    const kind = fault.diverged ? "diverged" : "protocol";
    return new WorkerFailure(command, kind, this.redaction.whole(fault.message), null, null);
  }
}

function asFault(error: unknown): ProtocolFault {
  if (error instanceof ProtocolFault) {
    return error;
  }
  throw error;
}

/** Why a reward or a judge gave no score is its own code's words. */
function scoreFailures(result: Result<Command>): { message: string }[] {
  const judges = "judges" in result ? result.judges : [];
  const scored = "reward" in result ? [...result.components, ...judges] : [];
  return scored.flatMap(({ failures }) => failures);
}
