/** What a run that died leaves in its folder beside what its journal tells of. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "./complete-folder.js";
import { recordError } from "./record-error.js";

/**
 * Removes half-written and half-removed folders, and checkpoints that no event names: each would be
 * written again before anything reads it.
 *
 * @param run the run folder, locked by the caller
 * @param kept paths of the checkpoints that the journal keeps, relative to the run folder
 * @throws {RecordError}
 */
export function removeLeftovers(run: string, kept: ReadonlySet<string>): void {
  for (const trial of namesIn(run, "trials")) {
    const folder = `trials/${trial}`;
    const halves = namesIn(run, folder).filter((name) => /\.(partial|removed)$/.test(name));
    const checkpoints = namesIn(run, `${folder}/checkpoints`).map((name) => `checkpoints/${name}`);
    for (const path of [...halves, ...checkpoints].map((name) => `${folder}/${name}`)) {
      if (!kept.has(path)) {
        removeTree(join(run, path));
      }
    }
  }
}

function namesIn(run: string, folder: string): string[] {
  const path = join(run, folder);
  try {
    return existsSync(path) ? readdirSync(path) : [];
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
}
