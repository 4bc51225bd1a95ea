/**
 * The real worker: a process, a socket, and the calls between them.
 *
 *     start ─▶ hello ─▶ calls … ─▶ close: shutdown ─▶ SIGTERM ─▶ SIGKILL
 *         any of: exit · lost connection · timeout ─▶ SIGTERM ─▶ SIGKILL, and all waiting are told
 *
 * Three signals tell a worker's trouble: its exit (crashes), the socket's heartbeats (stopped or
 * unreachable), and the timeout of a command (hangs). Whichever comes first ends the session. One
 * that hangs is asked for the stacks of its threads before it is ended.
 */

import { randomUUID } from "node:crypto";
import { MAX_MESSAGE_BYTES } from "../protocol/codec.js";
import { type ProtocolFault, VersionFault } from "../protocol/fault.js";
import type { Command, Hello, Payload, Result } from "../protocol/messages.js";
import { type Redaction, redaction } from "../text/redaction.js";
import { type Attachment, readAttachFile } from "./attach-file.js";
import { EnvironmentError, type ProgressListener, type Worker, WorkerLost } from "./contract.js";
import { Exchange, type ExchangeEvents } from "./exchange.js";
import { type LaunchOptions, launch } from "./launch.js";
import { askLauncher } from "./launcher-command.js";
import type { LaunchPlan, LaunchRefusal } from "./launchers/launch-plan.js";
import { CopyBroken, SshFolders } from "./launchers/ssh-folders.js";
import { isControl, type PendingCall, workText } from "./pending-calls.js";
import { type Exit, exitText, killerOf, type WorkerHandle, WorkerProcess } from "./process.js";
import { runsHere, strategyOf, type WorkerSpec } from "./spec.js";
import { isStopped, takeStacks } from "./stacks.js";
import { StartWatch } from "./start-watch.js";
import { timeoutOf } from "./timeouts.js";
import { Connection, type Receiver } from "./transport/connection.js";

export interface SessionOptions extends LaunchOptions {
  /** The launcher will end the worker soon, whatever it does. */
  readonly onDeadline?: () => void;
  /** A copy of files that broke off and goes on, in one sentence. */
  readonly onBrokenCopy?: (text: string) => void;
  /** A message that belongs to no call: late, twice, unreadable. The session continues. */
  readonly onProtocolFault?: (text: string) => void;
  /** The worker waits for its turn in a launcher's queue; what is known of that, with each change. */
  readonly onWaiting?: (state: string) => void;
  /** Gives up the start; a worker that has started is stopped with `close`. */
  readonly signal?: AbortSignal;
}

/** A closed connection is mostly a process on its way out, whose exit code says more. */
const EXIT_MS = 2000;

/** Exit code of a worker whose controller never answered, or is gone. */
const WITHOUT_CONTROLLER = 3;

/** What is known of a lost worker's end. */
interface WorkerEnd {
  /** The text has what was said last already. */
  readonly hasWords?: boolean;
  /** Another worker may not meet the cause. */
  readonly passing?: boolean;
}

/**
 * Starts a worker and waits for its hello.
 *
 * @throws {WorkerLost} it cannot be started, exits, says nothing, or speaks another protocol.
 * @throws {EnvironmentError} there is no Python, or no place for the socket.
 */
export async function openSession(spec: WorkerSpec, options: SessionOptions): Promise<Worker> {
  options.signal?.throwIfAborted();
  const session = new Session(spec, options);
  try {
    await session.start();
  } catch (error) {
    await session.close();
    throw error;
  }
  return session;
}

class Session implements Worker, Receiver, ExchangeEvents {
  readonly #id: string;
  /** Of a worker that somebody else started; null: it is started for this session. */
  readonly #attachment: Attachment | null;
  readonly #redaction: Redaction;
  readonly #exchange: Exchange;
  readonly #greeting = new Deferred<Hello>();
  readonly #disconnected = new Deferred<void>();
  /** Of a worker elsewhere that shares no folder; null: paths are the same for both. */
  readonly #folders: SshFolders | null;
  #hello: Hello | null = null;
  #connection: Connection | null = null;
  #process: WorkerHandle | null = null;
  #plan: LaunchPlan | null = null;
  #watch: StartWatch | null = null;
  /** Set once the session is over; settles, never rejects, when the process is gone. */
  #over: Promise<WorkerLost> | null = null;
  #closing: Promise<void> | null = null;

  constructor(
    private readonly spec: WorkerSpec,
    private readonly options: SessionOptions,
  ) {
    this.#attachment = spec.launcher === "attach" ? readAttachFile(spec.attach!.file) : null;
    this.#id = this.#attachment?.session ?? randomUUID();
    // Both values of a variable that the spec sets anew: a worker's own files may tell the other.
    this.#redaction = redaction(process.env, spec.environment);
    this.#exchange = new Exchange(this.#id, this, this.#redaction);
    const told = (text: string) => {
      const words = this.#redaction.whole(text);
      options.log?.write(`averse: ${words}\n`);
      options.onBrokenCopy?.(words);
    };
    this.#folders = spec.ssh?.files === "copied" ? new SshFolders(spec.ssh, this.#id, told) : null;
  }

  get hello(): Hello {
    return this.#hello!;
  }

  get strategy(): string | null {
    return strategyOf(this.spec);
  }

  async start(): Promise<void> {
    const { spec, options } = this;
    this.#connection =
      this.#attachment === null
        ? await Connection.open(this, spec.connection, this.#id)
        : await this.#openFreePort(this.#attachment);
    const { process: started, plan } = await launch(spec, {
      ...options,
      endpoint: this.#connection.endpoint,
      keys: this.#connection.keys,
      temporary: this.#connection.temporary,
      session: this.#id,
      redaction: this.#redaction,
      hear: (lines) => {
        this.#watch?.hear(lines);
        if (this.#plan?.deadline?.test(lines)) options.onDeadline?.();
      },
      disconnected: this.#disconnected.promise,
    });
    this.#process = started;
    this.#plan = plan;
    // A process says nothing before this turn of the event loop is over.
    this.#watch = new StartWatch(plan.queue, spec.start_seconds * 1000, {
      over: () => {
        const text = this.#absence();
        void this.#lose("never-connected", `the worker "${spec.name}" ${text}`);
      },
      waiting: (state) => options.onWaiting?.(state),
    });
    void this.#process.exited.then((exit) => this.#exited(exit));
    const giveUp = () => this.#greeting.reject(options.signal?.reason);
    options.signal?.addEventListener("abort", giveUp);
    if (options.signal?.aborted) {
      giveUp();
    }
    try {
      this.#hello = await this.#greeting.promise;
    } finally {
      this.#watch.end();
      options.signal?.removeEventListener("abort", giveUp);
    }
  }

  async call<C extends Command>(
    command: C,
    payload: Payload<C>,
    onProgress?: ProgressListener,
  ): Promise<Result<C>> {
    const folders = this.#folders;
    if (folders === null || isControl(command)) {
      if (command === "interrupt") folders?.interrupt();
      return this.#ask(command, payload, onProgress);
    }
    const ask = (asked: Payload<C>) => this.#ask(command, asked, onProgress);
    try {
      return await folders.around(command, payload, ask, onProgress);
    } catch (error) {
      if (this.#over !== null) throw await this.#over;
      if (!(error instanceof CopyBroken)) throw error;
      const name = `the worker "${this.spec.name}" ${this.#plan!.place}`;
      throw await this.#lose("exited", `${name} was lost: ${error.message}`, { hasWords: true });
    }
  }

  async #ask<C extends Command>(
    command: C,
    payload: Payload<C>,
    onProgress?: ProgressListener,
  ): Promise<Result<C>> {
    if (this.#over !== null) {
      throw await this.#over;
    }
    const { bytes, answer } = this.#exchange.request(command, payload, {
      onProgress,
      limit: (call) => timeoutOf(this.spec.timeout_seconds, call).seconds * 1000,
      onTimeout: (call) => void this.#silent(call),
    });
    this.#connection!.send(bytes).catch((error: Error) => this.#unreachable(error.message));
    return answer;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // ── what the socket tells ───────────────────────────────────────────────────────────────────

  message(bytes: Uint8Array): void {
    // Asking for stacks may wake a hung command up with an error; the verdict stands.
    if (this.#over === null) {
      this.#exchange.receive(bytes);
    }
  }

  stray(text: string): void {
    this.options.onProtocolFault?.(this.#redaction.whole(text));
  }

  disconnected(): void {
    this.#disconnected.resolve();
    this.#unreachable(
      "the connection closed, its heartbeats stopped, or it sent a message over " +
        `${MAX_MESSAGE_BYTES / 2 ** 20} MiB`,
    );
  }

  // ── what the exchange tells ─────────────────────────────────────────────────────────────────

  greeted(hello: Hello): void {
    this.#greeting.resolve(hello);
  }

  refused(fault: ProtocolFault): void {
    if (fault instanceof VersionFault) {
      const { launcher, name } = this.spec;
      const { place } = this.#plan!;
      const where = place === null ? "" : ` (worker "${name}" ${place})`;
      const again = launcher === "attach" ? ", and start the worker again" : "";
      void this.#lose("version", `${fault.message}${again}${where}`);
    } else {
      const name = `the worker "${this.spec.name}"`;
      void this.#lose("never-connected", `${name} did not begin with a hello: ${fault.message}`);
    }
  }

  // ── the ends of a session ───────────────────────────────────────────────────────────────────

  async #exited(exit: Exit): Promise<void> {
    // What it sent last is still on its way: the connection is read to its end first.
    // Nor does an exit code say alone whether there was a connection.
    if (this.#hello !== null || exit.code === WITHOUT_CONTROLLER) {
      await this.#disconnected.within(EXIT_MS);
    }
    if (this.#closing === null) {
      const lines = this.#process!.stderrTail();
      const refusal = this.#plan!.refusal(exit.code, lines);
      if (refusal !== null) {
        // A launcher's program may be killed as well, whatever it had said before.
        const passing = refusal.passing || exit.signal !== null;
        await this.#lose("exited", this.#refusalText({ ...refusal, passing }), {
          hasWords: true,
          passing,
        });
        return;
      }
      const killer = killerOf(exit, lines);
      const when = this.#inHand();
      const hint = killer === "SIGKILL" ? "; the system does this when memory runs out" : "";
      const text = `the worker ${exitText(exit)} ${when}${hint}`;
      const wasCut = exit.code === WITHOUT_CONTROLLER && this.#connection!.welcomed;
      await this.#lose("exited", text, { passing: killer !== null || wasCut });
    }
  }

  /** Why a worker whose time to start is over may have sent nothing. */
  #absence(): string {
    const seconds = `within ${this.spec.start_seconds} s`;
    const { absent } = this.#plan!;
    if (absent === null) {
      return `sent no message ${seconds} of its start (start_seconds)`;
    }
    if (this.#connection!.welcomed) {
      return (
        `${this.#plan!.place} connected and sent no message ${seconds} (start_seconds); look at its ` +
        "output there"
      );
    }
    return this.#connection!.rejected > 0
      ? `did not connect ${seconds} (start_seconds), but a program with other keys tried to; both ` +
          "sides need the same file"
      : `${absent} (waited ${this.spec.start_seconds} s, start_seconds)`;
  }

  /** The first address of a file that no other session listens on. */
  async #openFreePort({ host, ports, session, keys }: Attachment): Promise<Connection> {
    for (const port of ports) {
      try {
        const where = { transport: "tcp", host, port, advertise: null } as const;
        return await Connection.open(this, where, `${session}:${port}`, keys);
      } catch (error) {
        const { cause } = error as EnvironmentError;
        if ((cause as NodeJS.ErrnoException | undefined)?.code !== "EADDRINUSE") {
          throw error;
        }
      }
    }
    throw new EnvironmentError(
      `all attached workers of ${this.spec.attach!.file} are in use (${host}, ports ${ports.join(", ")}); ` +
        "wait for the other run or trial, or make a file for more workers (`averse backends keys --workers`)",
    );
  }

  #refusalText({ words, passing }: LaunchRefusal): string {
    const name = `the worker "${this.spec.name}"`;
    const { place } = this.#plan!;
    if (this.#hello === null && !passing) {
      return `${name} cannot be started ${place}: ${words}`;
    }
    const when = this.#hello === null ? "while it was starting" : this.#inHand();
    return `${name} ${place} was lost ${when}: ${words}`;
  }

  async #unreachable(why: string): Promise<void> {
    const inHand = this.#inHand();
    if (this.#closing === null && (await this.#process?.exitWithin(EXIT_MS)) === null) {
      const text = `the worker cannot be reached ${inHand}: ${why}`;
      await this.#lose("silent", text, { passing: true });
    }
  }

  async #silent(call: PendingCall): Promise<void> {
    const work = workText(call);
    const { seconds, key } = timeoutOf(this.spec.timeout_seconds, call);
    if (isControl(call.command)) {
      const text = `the worker did not answer ${work} within ${seconds} s`;
      await this.#lose("silent", `${text} ${this.#inHand()}`);
      return;
    }
    const before = call.progress;
    try {
      await this.call("ping", {});
    } catch (error) {
      if (error instanceof WorkerLost) {
        return; // the ping's own timeout ended the session
      }
    }
    if (this.#exchange.calls.has(call.id) && call.progress === before) {
      const text = `the worker answers pings but made no progress in ${work} for ${seconds} s`;
      const hint = `if it is slow, raise timeout_seconds.${key} of the worker's file`;
      await this.#lose("stuck", `${text}; ${hint}`);
    }
  }

  async #close(): Promise<void> {
    if (this.#over === null && this.#hello !== null) {
      const stopped = this.#process!.exitWithin(this.spec.stop_seconds * 1000);
      // Its exit is the answer that counts; a refusal is met by the signals that follow.
      this.call("shutdown", {}).catch(() => {});
      await stopped;
    }
    await this.#lose("exited", "the worker was closed");
  }

  /** Ends process and connection, then tells everyone who waits. The first reason counts. */
  #lose(reason: WorkerLost["reason"], text: string, end: WorkerEnd = {}): Promise<WorkerLost> {
    this.#over ??= this.#end(reason, text, end);
    return this.#over;
  }

  async #end(
    reason: WorkerLost["reason"],
    text: string,
    { hasWords = false, passing = false }: WorkerEnd,
  ): Promise<WorkerLost> {
    this.#folders?.close();
    // Elsewhere the number is another machine's or container's, and may be anyone's here.
    const pid = runsHere(this.spec) ? (this.#hello?.pid ?? null) : null;
    const hung = pid !== null && (reason === "stuck" || reason === "silent");
    // Before the stacks: they would be all that is left of what the worker said itself.
    const before = hung ? this.#process!.stderrTail() : null;
    const stopped = hung && isStopped(pid) ? `; process ${pid} is stopped (state T)` : "";
    const stacks =
      hung && this.#process instanceof WorkerProcess ? await takeStacks(this.#process, pid) : null;
    const ended = await this.#stop();
    const left = ended
      ? ""
      : `; process ${this.#process?.pid} cannot be ended, not even by SIGKILL`;
    const tail = before ?? this.#process?.stderrTail() ?? [];
    const afterwords = this.#plan?.afterwords ?? null;
    // Not a rule or a frame, with which torchrun ends what it says.
    const last = tail.findLast((line) => /\p{L}/u.test(line) && !afterwords?.test(line));
    const words = last !== undefined && !hasWords ? `; its last output: ${last}` : "";
    const message = this.#redaction.whole(`${text}${stopped}${left}${words}`);
    const lost = new WorkerLost(message, reason, tail, {}, stacks, passing);
    this.#greeting.reject(lost);
    this.#exchange.failAll(() => lost);
    return lost;
  }

  /** @returns Whether the process is gone. */
  async #stop(): Promise<boolean> {
    const exit = await this.#process?.stop(this.spec.stop_seconds * 1000);
    await this.#release();
    this.#connection?.close();
    return exit !== null;
  }

  /** Takes from a cluster what the launcher's program may have left there. */
  async #release(): Promise<void> {
    const argv = this.#plan?.release ?? null;
    if (argv === null) {
      return;
    }
    const { code, line } = await askLauncher(argv);
    if (code !== 0) {
      const text = `averse: what the worker holds there could not be given back by ${argv[0]}: ${line}\n`;
      this.options.log?.write(this.#redaction.whole(text));
    }
  }

  #inHand(): string {
    return this.#hello === null ? "before its hello" : this.#exchange.calls.inHandText();
  }
}

/** A promise that others settle; the first to do so counts. */
class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever waits is told; nobody waiting is no error.
    this.promise.catch(() => {});
  }

  /** Waits for it to be settled, for so many milliseconds at most. */
  async within(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([this.promise, limit]).finally(() => clearTimeout(timer));
  }
}
