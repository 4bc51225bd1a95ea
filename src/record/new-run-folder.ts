/** The folder of a new run: no other run has it, not even one that starts at the same moment. */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { makeFolder } from "./durable-files.js";
import { RecordError, recordError } from "./record-error.js";

/** As many runs can start in one millisecond; more than one is rare already. */
const names = 100;

/**
 * Makes `<name>-<hash8>` in the folder of all runs. Runs of one configuration that start in one
 * millisecond have the same hash: the first to make its folder has it, the others go on to the
 * next name in the same row.
 *
 * @param identity - What tells this run from others: configuration and start time.
 * @throws {RecordError} `permission`, `space`, …: nothing was made, or `runsFolder` alone
 */
export function makeRunFolder(runsFolder: string, name: string, identity: string): string {
  for (let nth = 0; nth < names; nth++) {
    const text = nth === 0 ? identity : `${identity} ${nth}`;
    const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
    const directory = resolve(runsFolder, `${name}-${hash}`);
    if (makeExclusively(directory)) {
      return directory;
    }
  }
  throw new RecordError(
    "exists",
    `${names} runs named ${name} of this very moment are in ${resolve(runsFolder)}: start again, ` +
      "or name a folder with --run-dir",
  );
}

/**
 * Makes this very folder.
 *
 * @throws {RecordError} `exists` where it is there already; `permission`, `space`, …
 */
export function makeNamedFolder(directory: string): string {
  if (!makeExclusively(directory)) {
    throw new RecordError(
      "exists",
      `the run folder ${directory} exists: choose another with --run-dir, or remove it`,
    );
  }
  return directory;
}

/** @returns Whether it was made by this call: one call alone makes a folder. */
function makeExclusively(directory: string): boolean {
  makeFolder(dirname(directory));
  try {
    mkdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      return false;
    }
    throw recordError(`cannot make the run folder ${directory}`, error);
  }
  return true;
}
