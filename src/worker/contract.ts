/**
 * What the controller asks of a worker, wherever and whatever it is. Implemented by the session
 * with a real process (`worker/session.ts`) and by the simulated worker of the tests; the clauses of
 * `worker/conformance` hold for both, and for every user's backend.
 */
import type { Command, ErrorKind, Hello, Payload, Progress, Result } from "../protocol/messages.js";

export type ProgressListener = (
  progress: Pick<Progress, "phase" | "done" | "total" | "unit" | "loss">,
) => void;

export interface Worker {
  /** What the worker said of itself when it connected. */
  readonly hello: Hello;

  /** How its processes divide the work, as its file says: data-parallel, fsdp, deepspeed; none: there is one. */
  readonly strategy?: string | null;

  /**
   * Sends one command and waits for its answer. One engine command at a time; `ping` and
   * `interrupt` are answered in between.
   *
   * @throws {WorkerFailure} the worker answered with an error; it lives on.
   * @throws {WorkerLost} the process or the connection died, or a deadline passed.
   */
  call<C extends Command>(
    command: C,
    payload: Payload<C>,
    onProgress?: ProgressListener,
  ): Promise<Result<C>>;

  /** Shuts down in order, then by force; safe to call twice. Never leaves a process behind. */
  close(): Promise<void>;
}

/** The worker refused or failed a command. */
export class WorkerFailure extends Error {
  override readonly name = "WorkerFailure";
  constructor(
    readonly command: Command,
    readonly kind: ErrorKind,
    message: string,
    readonly key: string | null,
    readonly detail: string | null,
  ) {
    super(message);
  }
}

/**
 * This machine has no place for a worker: no address for its socket, no folder, no Python. The
 * message says what to do.
 */
export class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";
}

/** The worker is gone: it exited, was killed, never connected, or stopped answering. */
export class WorkerLost extends Error {
  override readonly name = "WorkerLost";
  constructor(
    message: string,
    readonly reason: "exited" | "never-connected" | "silent" | "version" | "stuck",
    /** Last lines of the worker's stderr, oldest first. */
    readonly stderrTail: readonly string[],
    options?: ErrorOptions,
    /** Stacks of its threads, asked for before a hung one was ended; null: none could be had. */
    readonly stacks: string | null = null,
    /** What ended it may pass, as a kill, a cancelled job or a dead node: another worker may fare better. */
    readonly passing = false,
  ) {
    super(message, options);
  }
}
