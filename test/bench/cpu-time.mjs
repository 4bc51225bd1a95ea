/** User and system time of a process, of all its threads, as Linux counts it. */
import { readFileSync } from "node:fs";

/** Clock ticks a second of /proc: the kernel's USER_HZ, 100 everywhere. */
const ticks = 100;

/**
 * @param {number} pid
 * @returns {number} seconds so far
 */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}
