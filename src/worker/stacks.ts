/**
 * Stacks of a hung worker's threads, before it is ended: SIGUSR1 makes a worker write them to its
 * standard error (`python/averse_worker/wire/stacks.py`), also while C code holds Python's lock.
 */

import { processStat } from "../system/processes.js";
import type { WorkerProcess } from "./process.js";

/** The worker's last line after the stacks, where it is able to write one. */
const END = "averse_worker: end of stacks";

/** How long to wait for that line, in milliseconds. */
const PATIENCE_MS = 2000;

/**
 * Asks for the stacks.
 *
 * @param pid - The worker's own idea of its process id: a launcher may stand between. It is
 *   signalled only if it is of the group that was started here, and not on another machine.
 * @returns null: there is nobody to ask, or no stacks came.
 */
export async function takeStacks(worker: WorkerProcess, pid: number): Promise<string | null> {
  if (!isOfGroup(worker, pid) || isStopped(pid)) {
    return null;
  }
  const written = worker.errorOutput((text) => text.includes(END), PATIENCE_MS);
  try {
    process.kill(pid, "SIGUSR1");
  } catch {
    return null; // it is just gone
  }
  const text = await written;
  const [stacks] = /(?:Current thread|Thread) 0x[\s\S]*/.exec(text.split(END)[0]!) ?? [];
  return stacks === undefined ? null : `${stacks.trimEnd()}\n`;
}

/** Whether it was stopped by a signal (SIGSTOP, a debugger): it does nothing until SIGCONT. */
export function isStopped(pid: number): boolean {
  return /^t$/i.test(processStat(pid)?.state ?? "");
}

function isOfGroup(worker: WorkerProcess, pid: number): boolean {
  const state = processStat(pid);
  // Without /proc only the child itself is known to be what it says.
  return state === null
    ? process.platform !== "linux" && pid === worker.pid
    : state.group === worker.pid;
}
