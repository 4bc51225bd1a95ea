/**
 * Socket folders, and how they go. After SIGKILL nothing of a controller can tidy up, so the next
 * one does. A folder's name says whose it is, and no folder goes whose owner may live.
 *
 *     averse-<process id>-<its start>-<where such ids count>-<random>
 */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { processExists, processState } from "./process-state.js";

const NAME = /^averse-(\d+)-([0-9a-z]+)-([0-9a-f]{8})-/;

/** How the names of this process's folders begin. */
export function ownPrefix(): string {
  return `averse-${process.pid}-${startOf(process.pid)}-${numberingPlace()}-`;
}

/** Removes folders in `parent` of this user's controllers that are no more. */
export function removeStaleFolders(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid, started, place] = NAME.exec(name) ?? [];
    if (place === numberingPlace() && isDead(Number(pid), started!)) {
      removeIfOwn(join(parent, name));
    }
  }
}

/** In place of a start that cannot be known. */
const UNKNOWN = "x";

function startOf(pid: number): string {
  return processState(pid)?.started.toString(36) ?? UNKNOWN;
}

function isDead(pid: number, started: string): boolean {
  const other = started !== UNKNOWN && startOf(pid) !== started;
  // A zombie is dead, only not buried: nobody may be there to do it in a container.
  return other || !processExists(pid) || processState(pid)?.state === "Z";
}

function removeIfOwn(folder: string): void {
  let own: boolean;
  try {
    const entry = lstatSync(folder);
    own = entry.isDirectory() && entry.uid === process.getuid?.();
  } catch {
    return; // another controller was quicker
  }
  if (own) {
    removeFolder(folder);
  }
}

/** Removes a folder of such a name and all in it; one that cannot be removed now stays. */
export function removeFolder(folder: string): void {
  try {
    // A worker that is being killed may still write into it.
    rmSync(folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 });
  } catch {
    // The first start after this process's end tries again, and nothing depends on it.
  }
}

/**
 * Where process ids of this process's kind are unique: a boot of a machine and a container on it.
 * Containers and machines may share a folder for temporary files.
 */
function numberingPlace(): string {
  const parts = [
    hostname(),
    textOr("", () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
    textOr("", () => readlinkSync("/proc/self/ns/pid")),
  ];
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 8);
}

/** Systems without /proc have one numbering a machine. */
function textOr(otherwise: string, read: () => string): string {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
