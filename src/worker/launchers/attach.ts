/**
 * A worker that somebody started by hand, here or on another machine: nothing is launched, and nothing
 * is ended. It waits for controllers one after the other, and serves each with a fresh process; so the
 * end of a session ends the work, and the worker stays for the next one.
 */
import { z } from "zod";
import type { Exit, WorkerHandle } from "../process.js";
import { fromHome } from "./container.js";
import {
  type LaunchPlace,
  type LaunchPlan,
  startsAtOnce,
  type WorkerCommand,
} from "./launch-plan.js";

export const attachSchema = z.strictObject({
  file: z
    .string()
    .regex(/^(\/|~\/)/, "an absolute path, or one that begins with ~/")
    .describe("made by `averse backends keys FILE`; the worker has the same"),
});

export type AttachSettings = z.infer<typeof attachSchema>;

/** `argv` is what the user starts there. */
export function attachPlan(
  { file }: AttachSettings,
  { endpoint }: LaunchPlace,
  command: WorkerCommand,
): LaunchPlan {
  const { argv, environment } = command({
    python: () => "python",
    root: ".",
    endpoint,
    keys: fromHome(file),
  });
  return {
    ...startsAtOnce,
    argv,
    environment,
    place: `at ${endpoint}`,
    // Nothing else is known of a worker that is not ours, and the next connection may hold.
    refusal: () => ({ words: "the connection ended; its own output says why", passing: true }),
    absent: `did not connect to ${endpoint}; start it where it shall run, in the package's folder: ${argv.join(" ")}`,
  };
}

/** Stands for the process that is not ours: all that is known of it is its connection. */
export class AttachedWorker implements WorkerHandle {
  readonly pid = null;
  readonly exited: Promise<Exit>;

  /** @param disconnected - Resolves when the worker's connection has ended. */
  constructor(disconnected: Promise<void>) {
    this.exited = disconnected.then(() => gone);
  }

  stderrTail(): string[] {
    return [];
  }

  /** The connection that is closed next tells it. */
  async stop(): Promise<Exit> {
    return gone;
  }

  exitWithin(milliseconds: number): Promise<Exit | null> {
    let timer: NodeJS.Timeout;
    const over = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), milliseconds);
    });
    return Promise.race([this.exited, over]).finally(() => clearTimeout(timer));
  }
}

const gone: Exit = { code: null, signal: null };
