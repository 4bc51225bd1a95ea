/** Files that are wholly there or not at all, also after a power cut. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { recordError } from "./record-error.js";

/**
 * Writes to a neighbour, forces it to disk, and renames it into place.
 *
 * @throws {RecordError} naming the path; what was there before is left as it was
 */
export function writeDurably(path: string, content: string | Uint8Array): void {
  replaceFile(path, content, true);
}

/**
 * As `writeDurably`, without waiting for the disk: a reader sees the former file or this one, but
 * after a power cut it may be gone, or empty. For what nothing hangs on.
 *
 * @throws {RecordError} naming the path
 */
export function writeWhole(path: string, content: string | Uint8Array): void {
  replaceFile(path, content, false);
}

function replaceFile(path: string, content: string | Uint8Array, flush: boolean): void {
  const neighbour = `${path}.tmp`;
  try {
    writeFileSync(neighbour, content, { flush });
    renameSync(neighbour, path);
    if (flush) syncFolder(dirname(path));
  } catch (error) {
    try {
      // On a full disk its bytes are room for others.
      rmSync(neighbour, { force: true });
    } catch {
      // The first failure is the one that is told.
    }
    throw recordError(`cannot write ${path}`, error);
  }
}

/**
 * With those above it that are missing, all of them on disk.
 *
 * @throws {RecordError} naming the path
 */
export function makeFolder(path: string): void {
  try {
    const first = mkdirSync(path, { recursive: true });
    if (first !== undefined) {
      const top = dirname(resolve(first));
      for (let folder = resolve(path); folder !== top; folder = dirname(folder)) {
        syncFolder(dirname(folder));
      }
    }
  } catch (error) {
    throw recordError(`cannot make the folder ${path}`, error);
  }
}

/** Forces a folder's files, those in its folders too, and its own entries to disk. */
export function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      syncTree(path);
    } else if (entry.isFile()) {
      sync(path);
    }
  }
  syncFolder(folder);
}

/** A rename is on disk once its folder is. */
export function syncFolder(folder: string): void {
  sync(folder);
}

function sync(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
