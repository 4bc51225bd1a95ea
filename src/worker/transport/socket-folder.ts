/**
 * A folder of one's own for the socket: nobody else on the machine can reach the worker. The
 * worker's temporary files lie in it, too: one that is killed cannot tidy up after itself.
 */

import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "../../system/exit-cleanup.js";
import { livesHere, placeHere, processStat } from "../../system/processes.js";
import { EnvironmentError } from "../contract.js";

/** A Unix socket's path has 108 bytes on Linux, 104 on macOS, its closing zero among them. */
const MAX_PATH_BYTES = 100;

export interface SocketFolder {
  /** Of the socket file to bind. */
  readonly socket: string;
  /** Of the file with the worker's keys, where there are any. */
  readonly keys: string;
  /** Folder for the worker's temporary files. */
  readonly temporary: string;
  /** Removes the folder once the worker is gone; safe to call twice. */
  remove(): void;
}

/** Folders that were looked through for what dead controllers left: once a process is enough. */
const tidied = new Set<string>();

/**
 * Makes a fresh folder (mode 0700, by mkdtemp) for one socket.
 *
 * @throws {EnvironmentError} no such folder can be made, or the path would be too long.
 */
export function makeSocketFolder(parent = tmpdir()): SocketFolder {
  let folder: string;
  try {
    if (!tidied.has(parent)) {
      removeStaleFolders(parent);
      tidied.add(parent);
    }
    folder = mkdtempSync(join(parent, ownPrefix()));
    mkdirSync(join(folder, "tmp"));
  } catch (error) {
    throw new EnvironmentError(
      `cannot make a folder for the worker's socket in ${parent}: ${(error as Error).message}; ` +
        "set TMPDIR to a folder that exists and may be written to",
      { cause: error },
    );
  }
  const remove = () => {
    forget();
    removeSocketFolder(folder);
  };
  const forget = atExit(remove);
  const socket = join(folder, "worker.sock");
  const bytes = Buffer.byteLength(socket);
  if (bytes > MAX_PATH_BYTES) {
    remove();
    throw new EnvironmentError(
      `the worker's socket ${socket} has ${bytes} bytes in its path, expected at most ` +
        `${MAX_PATH_BYTES} (the system's limit for sockets); set TMPDIR to a shorter folder, such as /tmp`,
    );
  }
  return {
    socket,
    keys: join(folder, "keys.json"),
    temporary: join(folder, "tmp"),
    remove,
  };
}

/** `averse-<process id>-<its start>-<where such ids count>-<random>` */
const NAME = /^averse-(\d+)-([0-9a-z]+)-([0-9a-f]{8})-/;

/** How the names of this process's folders begin. */
export function ownPrefix(): string {
  return `averse-${process.pid}-${startOf(process.pid)}-${numberingPlace()}-`;
}

/**
 * Removes folders in `parent` of this user's controllers that are no more: after SIGKILL nothing of
 * a controller can tidy up, so the next one does. A folder's name says whose it is, and none goes
 * whose owner may live.
 */
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
  const start = processStat(pid)?.start;
  return start === undefined ? UNKNOWN : Number(start).toString(36);
}

function isDead(pid: number, started: string): boolean {
  return !livesHere(pid, started === UNKNOWN ? null : String(Number.parseInt(started, 36)));
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
    removeSocketFolder(folder);
  }
}

/** Removes a folder of such a name and all in it; one that cannot be removed now stays. */
function removeSocketFolder(folder: string): void {
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
  const { host, boot_id, pid_namespace } = placeHere();
  const parts = [host, boot_id ?? "", pid_namespace ?? ""];
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 8);
}
