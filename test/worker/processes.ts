/** What is left of processes, asked of the system itself. */
import { execFileSync } from "node:child_process";

export interface RunningProcess {
  readonly pid: number;
  readonly group: number;
  readonly command: string;
}

/**
 * Processes that have `mark` in their arguments. Zombies do not count: they are gone, and in a
 * container nobody may be there to reap them.
 */
export function processesWith(mark: string): RunningProcess[] {
  const listing = execFileSync("ps", ["-eo", "pid=,pgid=,stat=,args=", "-ww"], {
    encoding: "utf8",
  });
  return listing.split("\n").flatMap((line) => {
    const [, pid, group, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return command?.includes(mark) && !state!.startsWith("Z")
      ? [{ pid: Number(pid), group: Number(group), command }]
      : [];
  });
}
