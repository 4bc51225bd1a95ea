/** What went wrong in a trial, whoever noticed it. */
import { WorkerFailure, WorkerLost } from "../worker.js";
import type { FailureKind } from "./events.js";

/** The controller itself refuses to go on with a trial. */
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

export interface FailureFacts {
  readonly reason: FailureKind;
  readonly message: string;
  readonly detail: string | null;
}

/** An error in the journal's words. What nobody foresaw is `internal`, with its stack. */
export function failureFacts(error: unknown): FailureFacts {
  if (error instanceof TrialError || error instanceof WorkerFailure) {
    const { kind, message, key, detail } = error;
    const named = key === null || message.includes(key) ? message : `${message} (key: ${key})`;
    return { reason: kind, message: named, detail };
  }
  if (error instanceof WorkerLost) {
    const detail = error.stderrTail.length > 0 ? error.stderrTail.join("\n") : null;
    return { reason: "lost", message: error.message, detail };
  }
  if (isSystemError(error)) {
    return { reason: "environment", message: error.message, detail: error.stack ?? null };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    reason: "internal",
    message,
    detail: error instanceof Error ? (error.stack ?? null) : null,
  };
}

/** A full disk, a lost permission: Node marks them with a code such as ENOSPC. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^E[A-Z0-9]+$/.test(String(error.code));
}
