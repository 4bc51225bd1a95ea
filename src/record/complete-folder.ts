/**
 * Checkpoint and model folders: a worker writes into `<folder>.partial`; with its digest file
 * written and all of it on disk, it is renamed. A folder without the suffix is complete.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder, syncFolder, syncTree, writeDurably } from "./durable-files.js";
import { RecordError, recordError } from "./record-error.js";
import { digestsFile } from "./run-paths.js";

/**
 * Makes the empty `.partial` folder; what a run that died left of it is removed.
 *
 * @returns its path
 * @throws {RecordError}
 */
export function prepareFolder(folder: string): string {
  const partial = `${folder}.partial`;
  try {
    rmSync(partial, { recursive: true, force: true });
  } catch (error) {
    throw recordError(`cannot remove ${partial}`, error);
  }
  makeFolder(partial);
  return partial;
}

/**
 * @param files file name → sha256, as the worker wrote them
 * @throws {RecordError} when a file is missing or its name leads out of the folder; the folder
 *   stays `.partial` then
 */
export function completeFolder(folder: string, files: Readonly<Record<string, string>>): void {
  const partial = `${folder}.partial`;
  for (const name of Object.keys(files)) {
    const inside = !name.startsWith("/") && !name.split(/[\\/]/).includes("..");
    if (!inside || !existsSync(join(partial, name))) {
      throw new RecordError("damaged", `the worker tells of a file ${name}, not in ${partial}`);
    }
  }
  writeDurably(join(partial, digestsFile), `${JSON.stringify({ sha256: files }, null, 2)}\n`);
  try {
    syncTree(partial);
    // A folder of the same name is an earlier try at the same step, or at the same model.
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
    syncFolder(dirname(folder));
  } catch (error) {
    throw recordError(`cannot complete ${folder}`, error);
  }
}
