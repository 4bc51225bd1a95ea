/** A run folder, removed as a whole. */
import { randomUUID } from "node:crypto";
import { lstatSync, readdirSync, readlinkSync, realpathSync, renameSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { syncFolder } from "../system/durable-files.js";
import { RecordError, recordError } from "../system/record-error.js";
import { removeTree } from "./complete-folder.js";
import { runFiles } from "./paths.js";
import { lockRun } from "./run-lock.js";

/**
 * Removes a run that nobody works on. It is locked first, then gets a hidden name and loses its
 * manifest: whenever this is killed, what is left is the whole run or no run.
 *
 * @param directory the run folder
 * @throws {RecordError} `locked`: a controller has it · `name`: a symbolic link, or the folder that
 *   this process works in · `permission`, …
 */
export function removeRun(directory: string, now: () => Date): void {
  const run = resolve(directory);
  requireOwnFolder(run);
  const lock = lockRun(run, now);
  const hidden = join(dirname(run), `.${basename(run)}.${randomUUID()}.removed`);
  try {
    renameSync(run, hidden);
    syncFolder(dirname(run));
  } catch (error) {
    lock.abandon();
    throw recordError(`cannot remove ${run}`, error);
  }
  removeTree(join(hidden, runFiles.manifest));
  removeTree(hidden);
}

/** Removing a link would leave what it leads to, and say that it is gone. */
function requireOwnFolder(run: string): void {
  if (lstatSync(run).isSymbolicLink()) {
    throw new RecordError(
      "name",
      `${run} is a symbolic link to ${readlinkSync(run)}: remove the run by that path, then the link`,
    );
  }
  const [here, real] = [realpathSync("."), realpathSync(run)];
  if (here === real || here.startsWith(`${real}/`)) {
    throw new RecordError(
      "name",
      `cannot remove ${run}: the current folder is in it; leave it first`,
    );
  }
}

/** Bytes of all files in a folder; what vanishes meanwhile counts 0. */
export function folderBytes(folder: string): number {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) bytes += lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw recordError(`cannot read ${folder}`, error);
    }
  }
  return bytes;
}
