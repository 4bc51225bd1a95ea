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

/*
 * Signals to a whole process group: a worker may have started processes of its own (data loaders,
 * a launcher's ranks), and those must go with it.
 */

/**
 * Sends a signal to every process of the group.
 *
 * @param leader - Process id of the group's leader, which is also the group's id.
 * @returns Whether there was a process to receive it.
 */
export function signalGroup(leader: number, signal: NodeJS.Signals): boolean {
  return kill(leader, signal);
}

/** Whether any process of the group is left, unreaped ones counted. */
export function groupExists(leader: number): boolean {
  return kill(leader, 0);
}

function kill(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EPERM: on macOS a group of nothing but zombies answers so.
    if (code === "ESRCH" || code === "EPERM") {
      return false;
    }
    throw error;
  }
}
