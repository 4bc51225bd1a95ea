/** What a run that died leaves in its folder beside what its journal tells of. */
import { readdirSync, statSync } from "node:fs";
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

/**
 * What lies among checkpoints and can neither be one nor be left of one, relative to the run folder.
 * Hidden files are the file system's own, of NFS say.
 *
 * @throws {RecordError}
 */
export function strangersAmongCheckpoints(run: string): string[] {
  return namesIn(run, "trials").flatMap((trial) => {
    const folder = `trials/${trial}/checkpoints`;
    return namesIn(run, folder)
      .filter((name) => !/^(\..*|step-\d{6,}(\.partial|\.removed)?)$/.test(name))
      .map((name) => `${folder}/${name}`);
  });
}

function namesIn(run: string, folder: string): string[] {
  const path = join(run, folder);
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path) : [];
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
}
