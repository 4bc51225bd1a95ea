/**
 * Which process this is, and whether another one still is. A process id alone does not say: it is
 * given to another process after a while, and means nothing on another machine.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Of this start of the machine; null where the system tells none (not Linux). */
  readonly boot_id: string | null;
  /** Within which process ids mean something: a container has its own; null: not Linux. */
  readonly pid_namespace: string | null;
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

/** Of a process that lives on this machine. */
export function identityOf(pid: number): ProcessIdentity {
  return {
    pid,
    host: hostname(),
    boot_id: machineStart(),
    pid_namespace: fromProc(() => readlinkSync("/proc/self/ns/pid")),
    process_start: processStat(pid)?.start ?? null,
  };
}

/** `unknown`: it ran on another machine, or in a container that cannot be looked into. */
export type Life = "lives" | "dead" | "unknown";

export function lifeOf(owner: ProcessIdentity): Life {
  const here = identityOf(process.pid);
  if (owner.host !== here.host) {
    return "unknown";
  }
  if (owner.boot_id !== here.boot_id) {
    return "dead";
  }
  if (owner.pid_namespace !== here.pid_namespace) {
    return "unknown";
  }
  // The signal first: a process that is gone by the time its file is read is dead all the same,
  // and one whose file is hidden (another user's, with hidepid) still takes a signal.
  if (!takesSignals(owner.pid)) {
    return "dead";
  }
  const stat = processStat(owner.pid);
  if (stat === null) {
    return takesSignals(owner.pid) ? "lives" : "dead";
  }
  const ended = stat.state === "Z" || stat.state === "X";
  const another = owner.process_start !== null && owner.process_start !== stat.start;
  return ended || another ? "dead" : "lives";
}

function takesSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, but another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Fields 3 and 22 of /proc/PID/stat (proc_pid_stat(5)); null: no such process, or not Linux. */
function processStat(pid: number): { state: string; start: string } | null {
  const text = fromProc(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (text === null) {
    return null;
  }
  // Field 2 is the program's name in brackets, which may hold brackets and blanks itself.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0]!, start: fields[22 - 3]! };
}

function machineStart(): string | null {
  return fromProc(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
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
