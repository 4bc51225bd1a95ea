/**
 * Checkpoint and model folders: a worker writes into `<folder>.partial`; with its digest file
 * written and all of it on disk, it is renamed. A folder without a suffix is complete.
 */
import { copyFileSync, existsSync, linkSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Position } from "../engine/ports.js";
import { makeFolder, syncFolder, syncTree, writeDurably } from "../system/durable-files.js";
import { RecordError, recordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";
import { digestsText, filesIn } from "./digests.js";
import { controllerFile, digestsFile } from "./paths.js";

/** Of `controller.json`. */
const controllerFormat = 1;

/**
 * Makes the empty `.partial` folder; what a run that died left of it is removed.
 *
 * @returns its path
 * @throws {RecordError}
 */
export function prepareFolder(folder: string): string {
  const partial = `${folder}.partial`;
  abandonFolder(folder);
  makeFolder(partial);
  return partial;
}

/**
 * Removes what has not been completed, if there is anything.
 *
 * @throws {RecordError}
 */
export function abandonFolder(folder: string): void {
  removeTree(`${folder}.partial`);
}

/**
 * @param files file name → sha256, as the worker wrote them; they are taken at the worker's word,
 *   and `checkFolder` reads them again before anything continues from them
 * @param position of a checkpoint: the controller's own part, written beside the worker's files
 * @returns sha256 of the digest file
 * @throws {RecordError} when the worker's files are not those it tells of; the folder stays
 *   `.partial` then
 */
export function completeFolder(
  folder: string,
  files: Readonly<Record<string, string>>,
  position?: Position,
): string {
  const partial = `${folder}.partial`;
  requireTold(partial, files);
  const all = { ...files };
  if (position !== undefined) {
    const text = `${JSON.stringify({ format: controllerFormat, ...position }, null, 2)}\n`;
    writeDurably(join(partial, controllerFile), text);
    all[controllerFile] = sha256Of(text);
  }
  const digests = digestsText(all);
  writeDurably(join(partial, digestsFile), digests);
  try {
    syncTree(partial);
    // A folder of the same name is an earlier try at the same step, or at the same model.
    removeFolder(folder);
    renameSync(partial, folder);
    syncFolder(dirname(folder));
  } catch (error) {
    throw recordError(`cannot complete ${folder}`, error);
  }
  return sha256Of(digests);
}

/**
 * Second names for files that are complete elsewhere and that nobody changes in place; copies where
 * the file system has none, or lies on another disk.
 *
 * @param names inside both folders, with `/`
 * @returns false: not all of them could be put there
 */
export function linkFiles(from: string, to: string, names: readonly string[]): boolean {
  try {
    for (const name of names) {
      mkdirSync(dirname(join(to, name)), { recursive: true });
      try {
        linkSync(join(from, name), join(to, name));
      } catch {
        copyFileSync(join(from, name), join(to, name));
      }
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Removes a complete folder, if it is there. It gets another name first: one that a crash leaves
 * half removed is never taken for a complete one.
 *
 * @throws {RecordError}
 */
export function removeFolder(folder: string): void {
  const removed = `${folder}.removed`;
  removeTree(removed);
  if (existsSync(folder)) {
    try {
      renameSync(folder, removed);
      syncFolder(dirname(folder));
    } catch (error) {
      throw recordError(`cannot remove ${folder}`, error);
    }
    removeTree(removed);
  }
}

/** @throws {RecordError} */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    throw recordError(`cannot remove ${path}`, error);
  }
}

/** Every file has its digest and every digest its file; the controller's own name is free. */
function requireTold(partial: string, files: Readonly<Record<string, string>>): void {
  const there = filesIn(partial);
  const told = Object.keys(files);
  const absent = told.find((name) => !there.includes(name));
  if (absent !== undefined) {
    throw new RecordError(
      "damaged",
      `the worker reports a file ${absent} that is not in ${partial}`,
    );
  }
  const untold = there.find((name) => !told.includes(name));
  if (untold !== undefined) {
    const message = `unexpected file ${join(partial, untold)}: the worker does not report it`;
    throw new RecordError("damaged", message);
  }
  if (told.includes(controllerFile)) {
    const message = `the worker wrote ${join(partial, controllerFile)}, the controller's own file`;
    throw new RecordError("damaged", message);
  }
}
