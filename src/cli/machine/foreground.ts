/** A program that has this terminal to itself until it ends. */
import { spawn } from "node:child_process";

export interface ForegroundEnd {
  /** Exit status; null: a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * The terminal's Ctrl-C is the program's alone: this process has nothing to end before it.
 *
 * @throws {Error} it cannot be started
 */
export async function inForeground(
  program: string,
  args: readonly string[],
): Promise<ForegroundEnd> {
  const child = spawn(program, args, { stdio: "inherit" });
  const leaveIt = (): void => {};
  process.on("SIGINT", leaveIt);
  return new Promise<ForegroundEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  }).finally(() => process.off("SIGINT", leaveIt));
}
