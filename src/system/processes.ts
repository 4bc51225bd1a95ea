/**
 * Which process this is, whether another one still lives, and signals to a whole group. A process
 * id alone does not say: it is given to another process after a while, and means nothing on another
 * machine or in another container.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Where a process id means something: one start of a machine, and one container on it. */
export interface ProcessPlace {
  readonly host: string;
  /** Of this start of the machine; null where the system tells none (not Linux). */
  readonly boot_id: string | null;
  /** A container has its own; null: not Linux. */
  readonly pid_namespace: string | null;
}

export interface ProcessIdentity extends ProcessPlace {
  readonly pid: number;
  /** Clock ticks from the machine's start to the process's; null: not Linux. */
  readonly process_start: string | null;
}

/** By hand: `averse ls` reads locks, and a schema library would take longer to load than it. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  const { pid, host, ...rest } = (value ?? {}) as Record<string, unknown>;
  return (
    Number.isSafeInteger(pid) &&
    (pid as number) > 0 &&
    typeof host === "string" &&
    [rest.boot_id, rest.pid_namespace, rest.process_start].every(
      (one) => one === null || typeof one === "string",
    )
  );
}

export function placeHere(): ProcessPlace {
  return {
    host: hostname(),
    boot_id: fromProc(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    pid_namespace: fromProc(() => readlinkSync("/proc/self/ns/pid")),
  };
}

/** Of a process that lives in this place. */
export function identityOf(pid: number): ProcessIdentity {
  return { pid, ...placeHere(), process_start: processStat(pid)?.start ?? null };
}

/** `unknown`: it ran on another machine, or in a container that cannot be looked into. */
export type Life = "lives" | "dead" | "unknown";

export function lifeOf(owner: ProcessIdentity): Life {
  const here = placeHere();
  if (owner.host !== here.host) {
    return "unknown";
  }
  if (owner.boot_id !== here.boot_id) {
    return "dead";
  }
  if (owner.pid_namespace !== here.pid_namespace) {
    return "unknown";
  }
  return livesHere(owner.pid, owner.process_start) ? "lives" : "dead";
}

/**
 * Whether a process of this place lives; a zombie is dead, only not buried.
 *
 * @param start as `processStat` has it; null: not known
 */
export function livesHere(pid: number, start: string | null): boolean {
  // The signal first: a process that is gone by the time its file is read is dead all the same,
  // and one whose file is hidden (another user's, with hidepid) still takes a signal.
  if (!takesSignals(pid)) {
    return false;
  }
  const stat = processStat(pid);
  if (stat === null) {
    return takesSignals(pid);
  }
  const ended = stat.state === "Z" || stat.state === "X";
  return !ended && (start === null || start === stat.start);
}

export interface ProcessStat {
  /** One letter, as `ps` shows it; `T`: stopped by a signal. */
  readonly state: string;
  /** Id of its process group. */
  readonly group: number;
  /** Clock ticks from the machine's start to its own. */
  readonly start: string;
}

/**
 * Fields 3, 5 and 22 of /proc/PID/stat (proc_pid_stat(5)); the process need not be a child of this
 * one. Null: there is no such process, or the system has no /proc.
 */
export function processStat(pid: number): ProcessStat | null {
  const text = fromProc(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (text === null) {
    return null;
  }
  // Field 2 is the program's name in brackets, which may hold brackets and blanks itself.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0]!, group: Number(fields[5 - 3]), start: fields[22 - 3]! };
}

/**
 * Sends a signal to every process of a group: a worker may have started processes of its own (data
 * loaders, a launcher's ranks), and those must go with it.
 *
 * @param leader process id of the group's leader, which is also the group's id
 * @returns whether there was a process to receive it
 */
export function signalGroup(leader: number, signal: NodeJS.Signals): boolean {
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

/** Whether any process has this id. */
function takesSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, but another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Null where there is no /proc, or nothing under that name in it (any more). */
function fromProc(read: () => string): string | null {
  try {
    return read();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(code)) {
      return null;
    }
    throw error;
  }
}
