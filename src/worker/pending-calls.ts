/** Requests on their way: who waits for which id, how far the work is, and how long it was silent. */
import type { Command, Payload, Progress, Result } from "../protocol/messages.js";
import type { ProgressListener } from "./contract.js";

export interface PendingCall {
  readonly id: number;
  readonly command: Command;
  readonly payload: Payload<Command>;
  readonly resolve: (result: Result<Command>) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ProgressListener | undefined;
  /** Last heard of; null: nothing yet. */
  progress: Pick<Progress, "phase" | "done" | "total" | "unit" | "loss"> | null;
}

/** What waits for the next sign of life. */
interface Watch {
  /** Milliseconds; asked anew with each progress. */
  readonly limit: () => number;
  /** Called once a timeout. */
  readonly onTimeout: () => void;
}

interface Watched extends Watch {
  readonly call: PendingCall;
  timeout: NodeJS.Timeout;
}

export class PendingCalls {
  readonly #calls = new Map<number, Watched>();
  #lastId = 0;

  /** A number that no request of this session has had. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  add(call: PendingCall, { limit, onTimeout }: Watch): void {
    const timeout = setTimeout(onTimeout, limit());
    this.#calls.set(call.id, { call, limit, onTimeout, timeout });
  }

  has(id: number): boolean {
    return this.#calls.has(id);
  }

  /** The call that an answer belongs to, which is then no longer pending; null: none. */
  take(id: number): PendingCall | null {
    const watched = this.#calls.get(id);
    if (watched === undefined) {
      return null;
    }
    clearTimeout(watched.timeout);
    this.#calls.delete(id);
    return watched.call;
  }

  takeAll(): PendingCall[] {
    return [...this.#calls.keys()].flatMap((id) => this.take(id) ?? []);
  }

  /** Notes progress, which ends a timeout; false: of no pending call. */
  progressed({ id, phase, done, total, unit, loss }: Progress): boolean {
    const watched = this.#calls.get(id);
    if (watched === undefined) {
      return false;
    }
    watched.call.progress = { phase, done, total, unit, loss };
    clearTimeout(watched.timeout);
    watched.timeout = setTimeout(watched.onTimeout, watched.limit());
    watched.call.onProgress?.(watched.call.progress);
    return true;
  }

  /** Why an answer has no call: it came late or twice, or nobody asked. */
  unaskedText(id: number | null): string {
    return id !== null && id <= this.#lastId
      ? `request ${id}, which was answered before`
      : `request ${id}, which was never sent`;
  }

  /** The work in hand: "during `update` (phase update, 3 of 10 steps)". */
  inHandText(): string {
    const calls = [...this.#calls.values()].map(({ call }) => call);
    // Control commands are answered beside the work and say nothing of it.
    const work = calls.find(({ command }) => !isControl(command)) ?? calls[0];
    return work === undefined ? "with no command in hand" : `during ${workText(work)}`;
  }
}

/** Answered by the worker's control thread, also while the engine works. */
export function isControl(command: Command): boolean {
  return command === "ping" || command === "interrupt" || command === "shutdown";
}

export function workText({ command, progress }: PendingCall): string {
  if (progress === null) {
    return `\`${command}\` (no progress yet)`;
  }
  const { phase, done, total, unit } = progress;
  return `\`${command}\` (phase ${phase}, ${done}${total > 0 ? ` of ${total}` : ""} ${unit})`;
}
