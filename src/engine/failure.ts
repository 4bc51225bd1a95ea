/** What went wrong in a trial. */

import type { z } from "zod";
import type { FailureKind, lossReason } from "../journal/events.js";
import { RecordError } from "../system/record-error.js";
import { EnvironmentError, WorkerFailure, WorkerLost } from "../worker/contract.js";

/** The controller itself ends a trial. */
export class TrialError extends Error {
  override readonly name = "TrialError";
  constructor(
    readonly kind: FailureKind,
    message: string,
    /** Config key that led here; null: none did. */
    readonly key: string | null = null,
    readonly detail: string | null = null,
  ) {
    super(message);
  }
}

/** The journal cannot be written: the failure that was to be recorded is reported here instead. */
export class UnrecordedError extends Error {
  override readonly name = "UnrecordedError";
  /** @param first what went wrong before, in the words that the journal should have had */
  constructor(first: string, cause: Error) {
    super(`${first}; writing this to the journal also failed: ${cause.message}`, { cause });
  }
}

export interface FailureFacts {
  readonly reason: FailureKind;
  readonly message: string;
  /** Key of the configuration that led here; null: none is known. */
  readonly key: string | null;
  readonly detail: string | null;
}

/** An error in the journal's words. An unexpected error is `internal`, with its stack. */
export function failureFacts(error: unknown): FailureFacts {
  if (error instanceof TrialError || error instanceof WorkerFailure) {
    const { kind, message, key, detail } = error;
    const named = key === null || message.includes(key) ? message : `${message} (key: ${key})`;
    return { reason: kind, message: named, key, detail };
  }
  if (error instanceof WorkerLost) {
    const detail = error.stderrTail.length > 0 ? error.stderrTail.join("\n") : null;
    return { reason: "lost", message: error.message, key: null, detail };
  }
  if (error instanceof EnvironmentError || isSystemError(error) || error instanceof RecordError) {
    const { message, stack = null } = error;
    return { reason: "environment", message, key: null, detail: stack };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    reason: "internal",
    message,
    key: null,
    detail: error instanceof Error ? (error.stack ?? null) : null,
  };
}

export type LossReason = z.infer<typeof lossReason>;

/**
 * Why a worker is to be replaced after this error; null: another one would fare no better. One that
 * breaks the protocol counts as lost: what it says cannot be trusted any more.
 */
export function lossOf(error: unknown): LossReason | null {
  if (error instanceof WorkerLost) {
    return error.reason === "version" ? null : error.reason;
  }
  return error instanceof WorkerFailure && error.kind === "protocol" ? "protocol" : null;
}

/** A full disk, a lost permission: Node marks them with a code such as ENOSPC. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^E[A-Z0-9]+$/.test(String(error.code));
}
