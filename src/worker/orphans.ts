/**
 * Processes that a worker started and that left its process group, as daemons do: nobody else ends
 * them. Each still has the mark that its worker was started with in its environment, which Linux
 * shows in /proc; elsewhere none are found.
 */
import { readdirSync, readFileSync } from "node:fs";
import { processStat } from "../system/processes.js";

/** Variable that marks a worker and all that it starts; its value is unique to the session. */
export const MARK = "AVERSE_SESSION";

/** A process can start another while it is looked for; one that does so for ever is not followed. */
const ROUNDS = 5;

/**
 * Ends them by SIGKILL.
 *
 * @param group - The worker's process group, which has been ended already.
 * @returns process ids
 */
export function endOrphans(mark: string, group: number): number[] {
  const ended = new Set<number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = orphansOf(mark, group).filter((pid) => !ended.has(pid));
    for (const pid of found) {
      try {
        process.kill(pid, "SIGKILL");
        ended.add(pid);
      } catch {
        // It has just gone by itself.
      }
    }
    if (found.length === 0) {
      break;
    }
  }
  return [...ended];
}

function orphansOf(mark: string, group: number): number[] {
  if (process.platform !== "linux") {
    return [];
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isMarked(pid, mark) && processStat(pid)?.group !== group);
}

function isMarked(pid: number, mark: string): boolean {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
    return variables.includes(`${MARK}=${mark}`);
  } catch {
    return false; // it is gone, or another user's
  }
}
