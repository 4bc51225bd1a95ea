/**
 * The worker's process: started in a group of its own, its output kept, its end told.
 *
 * execa starts it, tells why it could not, and knows when its pipes are read to their end. What it
 * offers beyond that does not fit here: its graceful termination and its clean-up signal the one
 * process, and a worker's group must go as a whole, with daemons that left it; its result waits for
 * the pipes, which a daemon may hold for ever, so that the end is the `exit` event's; and its buffers
 * would keep days of output in memory.
 */
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { execa } from "execa";
import { atExit } from "../system/exit-cleanup.js";
import { signalGroup } from "../system/processes.js";
import { type Redaction, redaction } from "../text/redaction.js";
import { endOrphans, MARK } from "./orphans.js";
import { LineTail, OutputLines } from "./output.js";

/** Takes what a worker prints, whole lines at a time and without secrets; never throws. */
export interface OutputLog {
  write(text: string): unknown;
}

export interface Exit {
  /** null: a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A worker's process as its session sees it, whoever started it. */
export interface WorkerHandle {
  /** Null: it is not this machine's. */
  readonly pid: number | null;
  /** Settles once it is gone; never rejects. */
  readonly exited: Promise<Exit>;
  /** Last lines of its stderr, oldest first; none where they cannot be had. */
  stderrTail(): string[];
  /** Ends it, if that is this controller's to do. @returns null when it could not be ended in time. */
  stop(timeoutMs: number): Promise<Exit | null>;
  /** @returns null when it still runs after so many milliseconds. */
  exitWithin(milliseconds: number): Promise<Exit | null>;
}

export interface ProcessOptions {
  readonly argv: readonly string[];
  /** Added to this process's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Gets everything the worker prints; stays open, and stays the caller's. */
  readonly log?: OutputLog | undefined;
  /** Gets whole lines of its stderr, without secrets. */
  readonly hear?: ((lines: string) => void) | undefined;
  /** Secrets of its environment; without it, those of `environment` and of this process. */
  readonly redaction?: Redaction | undefined;
}

/**
 * How long an exited worker's last lines may take to come through the pipe, in milliseconds. A
 * process that left its group, and cannot be found, may hold the pipe for ever.
 */
const OUTPUT_MS = 1000;

/** Longest output that `errorOutput` collects, in UTF-16 code units. */
const MAX_OUTPUT = 2 ** 20;

const refusals: Readonly<Record<string, string>> = {
  ENOENT: "no such program",
  EACCES: "no permission to run it",
  EPERM: "no permission to run it",
  ENOTDIR: "a part of the path is a file",
};

export class WorkerProcess implements WorkerHandle {
  /** Settles once the process is gone and its last output has been read; never rejects. */
  readonly exited: Promise<Exit>;
  readonly #stderr: Readable;
  readonly #redaction: Redaction;
  readonly #tail: () => string[];
  #gone = false;

  private constructor(
    readonly pid: number,
    exited: Promise<Exit>,
    stderr: Readable,
    secrets: Redaction,
    tail: () => string[],
  ) {
    this.exited = exited.then((exit) => {
      this.#gone = true;
      return exit;
    });
    this.#stderr = stderr;
    this.#redaction = secrets;
    this.#tail = tail;
  }

  /**
   * Starts `argv` in the current working folder.
   *
   * @throws {Error} the program cannot be started at all (not there, not executable).
   */
  static async start(options: ProcessOptions): Promise<WorkerProcess> {
    const { argv, environment, log, hear } = options;
    const secrets = options.redaction ?? redaction(process.env, environment);
    const [program, ...args] = argv;
    const child = execa(program!, args, {
      // A group of its own: signals reach all of it, and the terminal's Ctrl-C reaches only the
      // controller, which then stops the worker in order.
      detached: true,
      // execa's clean-up signals the one process; `atExit` below signals the group.
      cleanup: false,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      // Unbuffered here: a run of days must not keep its worker's output in memory.
      buffer: false,
      reject: false,
      env: { ...environment },
    });
    if (child.pid === undefined) {
      const { code, cause } = await child;
      const reason = refusals[code ?? ""] ?? "it does not start";
      throw new Error(
        `${program}: ${reason} (${code ?? "no code"}); the command is argv in the file that backend.worker names, with AVERSE_PYTHON for {python}`,
        { cause },
      );
    }
    const pid = child.pid;
    const tail = new LineTail();
    const stdout = new OutputLines(secrets, (text) => log?.write(text));
    const stderr = new OutputLines(secrets, (text) => {
      tail.write(text);
      log?.write(text);
      hear?.(text);
    });
    // No pipe(): a log that fails (a full disk) would stop the reading, and with it the worker.
    child.stdout.on("data", (chunk: Buffer) => stdout.write(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.write(chunk));
    const mark = environment[MARK];
    const endAll = (): number[] => {
      signalGroup(pid, "SIGKILL");
      return mark === undefined ? [] : endOrphans(mark, pid);
    };
    const forget = atExit(endAll);
    const exited = new Promise<Exit>((resolve) => {
      child.once("exit", (code, signal) => {
        // Whatever the worker had started goes with it, and lets go of the pipes.
        const left = endAll();
        forget();
        let timer: NodeJS.Timeout;
        const finish = () => {
          clearTimeout(timer);
          // Held by a process that was not found, they would keep this one from its end.
          child.stdout.destroy();
          child.stderr.destroy();
          stdout.end();
          stderr.end();
          if (left.length > 0) {
            log?.write(`averse: ended orphan processes of the worker: ${left.join(", ")}\n`);
          }
          resolve({ code, signal });
        };
        const limit = new Promise<void>((over) => {
          timer = setTimeout(over, OUTPUT_MS);
        });
        // `child` settles when the pipes are read to their end.
        void Promise.race([child, limit]).then(finish);
      });
    });
    return new WorkerProcess(pid, exited, child.stderr, secrets, () => tail.lines(stderr.open));
  }

  /** Last lines of its stderr, oldest first. */
  stderrTail(): string[] {
    return this.#tail();
  }

  /**
   * Its stderr from now on, without secrets, until that is complete, the process is gone or the
   * time is over.
   *
   * @param isComplete - Asked with each piece about all that came.
   */
  errorOutput(isComplete: (text: string) => boolean, milliseconds: number): Promise<string> {
    return new Promise((resolve) => {
      const decoder = new StringDecoder("utf8");
      let text = "";
      const take = (chunk: Buffer) => {
        text += decoder.write(chunk);
        if (isComplete(text) || text.length > MAX_OUTPUT) {
          finish();
        }
      };
      const finish = () => {
        clearTimeout(timer);
        this.#stderr.off("data", take);
        resolve(this.#redaction.cut(text));
      };
      const timer = setTimeout(finish, milliseconds);
      this.#stderr.on("data", take);
      void this.exited.then(finish);
    });
  }

  /**
   * Ends the process group: SIGTERM, then SIGKILL.
   *
   * @param timeoutMs - Wait after SIGTERM, and again after SIGKILL.
   * @returns null when even SIGKILL did not end it in time (a process stuck in the kernel).
   */
  async stop(timeoutMs: number): Promise<Exit | null> {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      // Once it is gone its number may be another's.
      if (!this.#gone) {
        signalGroup(this.pid, signal);
      }
      const exit = await this.exitWithin(timeoutMs);
      if (exit) {
        return exit;
      }
    }
    return null;
  }

  /** @returns null when it still runs after so many milliseconds. */
  exitWithin(milliseconds: number): Promise<Exit | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), milliseconds);
      void this.exited.then((exit) => {
        clearTimeout(timer);
        resolve(exit);
      });
    });
  }
}

/** Of torchrun and accelerate, which exit with 1: the process that ended first comes last. */
const FIRST_TO_END = /^\s*exitcode\s*: (-?\d+) /;

/**
 * What killed it, also where a program stands between: a shell, srun and docker exit with 128 + the signal's
 * number, and torchrun writes about its processes.
 *
 * @param lines - Of its stderr, oldest first.
 */
export function killerOf(
  { code, signal }: Exit,
  lines: readonly string[] = [],
): NodeJS.Signals | null {
  const first = lines.findLast((line) => FIRST_TO_END.test(line));
  const number = first === undefined ? code! - 128 : -Number(FIRST_TO_END.exec(first)![1]);
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  return signal ?? names.find(([, known]) => known === number)?.[0] ?? null;
}

/** `exited with code 3`, `exited with code 143 (SIGTERM)`, `was killed by SIGKILL`. */
export function exitText(exit: Exit): string {
  const killer = killerOf(exit);
  if (exit.signal !== null) return `was killed by ${killer}`;
  return `exited with code ${exit.code}${killer === null ? "" : ` (${killer})`}`;
}
