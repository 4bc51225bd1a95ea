/** What the system tells of a process that need not be a child of this one. */
import { readFileSync } from "node:fs";

export interface ProcessState {
  /** One letter, as `ps` shows it; `T`: stopped by a signal. */
  readonly state: string;
  /** Id of its process group. */
  readonly group: number;
  /** Clock ticks from boot to its start: a process id alone may have become another's. */
  readonly started: number;
}

/** From /proc; null: there is no such process, or the system has no /proc. */
export function processState(pid: number): ProcessState | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null; // ENOENT and ESRCH are the answer, not an error
  }
  // The second field is the program's name in parentheses, which may hold spaces and more.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0]!, group: Number(fields[2]), started: Number(fields[19]) };
}

/** Whether a process has this number, whoever's it is. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
