/** What went wrong as the user reads it on stderr, and the exit code that goes with it. */
import { ConfigError } from "../config/problems.js";
import { JournalError } from "../journal/journal-error.js";
import { RecordError } from "../system/record-error.js";
import { TableError } from "../tables/table-error.js";
import { safeText } from "../text/safe-text.js";
import { EnvironmentError, WorkerFailure, WorkerLost } from "../worker/contract.js";

/** The outside contract's exit codes; scripts rely on them. */
export const exitCode = {
  done: 0,
  /** Usage, configuration, or input data. */
  usage: 2,
  /** Environment or worker; a run can be taken up again. */
  environment: 3,
  /** `averse verify` found something, or `averse reproduce` something else. */
  verification: 4,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** An error that the user can fix: printed as one paragraph, without a stack trace. */
export class UserError extends Error {
  override readonly name = "UserError";
  constructor(
    message: string,
    readonly exit: ExitCode = exitCode.usage,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Any error as what the user reads on stderr, and the exit code that goes with it. */
export interface FailureText {
  readonly exit: ExitCode;
  readonly text: string;
}

/** Errors of the system that say what is wrong with a place the user named. */
const systemErrors: Readonly<Record<string, readonly [meaning: string, exit: ExitCode]>> = {
  EACCES: ["no permission", exitCode.environment],
  EPERM: ["no permission", exitCode.environment],
  EROFS: ["the file system is read-only", exitCode.environment],
  ENOSPC: ["the disk is full", exitCode.environment],
  EDQUOT: ["the disk quota is used up", exitCode.environment],
  EMFILE: ["too many open files", exitCode.environment],
  EADDRINUSE: ["the port or socket is in use", exitCode.environment],
  ENOTDIR: ["a part of the path is a file", exitCode.usage],
  EISDIR: ["a folder where a file is needed", exitCode.usage],
  ENOENT: ["no such file or folder", exitCode.usage],
  ENAMETOOLONG: ["the name is too long", exitCode.usage],
};

/** @param debug adds the stack of errors that are not the user's */
export function failureText(error: unknown, debug: boolean): FailureText {
  const stack = debug && error instanceof Error && error.stack ? `\n${error.stack}` : "";
  if (error instanceof UserError) return { exit: error.exit, text: `${error.message}${stack}` };
  if (error instanceof ConfigError)
    return {
      exit: exitCode.usage,
      text: `${safeText(error.message, { multiline: true })}${stack}`,
    };
  if (error instanceof TableError) {
    return { exit: exitCode.usage, text: `${safeText(error.message)}${stack}` };
  }
  if (error instanceof RecordError) {
    // Of a torn line the message itself says what to do.
    const isDamaged = error instanceof JournalError && error.reason === "damaged" && !error.torn;
    const next = isDamaged
      ? " Restore the file from a copy; `averse verify RUN` lists all that is damaged."
      : "";
    return { exit: recordExit(error), text: `${error.message}.${next}${stack}` };
  }
  if (
    error instanceof WorkerLost ||
    error instanceof WorkerFailure ||
    error instanceof EnvironmentError
  ) {
    return { exit: exitCode.environment, text: `${error.message}${stack}` };
  }
  const system = systemFailure(error);
  if (system !== null) return { ...system, text: `${system.text}${stack}` };
  const message = error instanceof Error ? error.message : String(error);
  const hint = debug ? "" : " This is a fault of Averse itself; --debug shows where.";
  return { exit: exitCode.environment, text: `unexpected error: ${message}.${hint}${stack}` };
}

/** A place that the user named wrongly, or another version's record, is usage; one that the machine refuses, or damage, is not. */
function recordExit({ reason }: RecordError): ExitCode {
  return reason === "exists" || reason === "name" || reason === "missing" || reason === "version"
    ? exitCode.usage
    : exitCode.environment;
}

function systemFailure(error: unknown): FailureText | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  const known = systemErrors[String(error.code)];
  if (known === undefined) return null;
  const path = "path" in error && typeof error.path === "string" ? `${error.path}: ` : "";
  return { exit: known[1], text: `${path}${known[0]} (${String(error.code)}).` };
}
