/** The folder of the runs, before anything is looked for or made in it: refused in one sentence. */
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { recordError } from "../record/record-error.js";
import { exitCode } from "./exit-code.js";
import { UserError } from "./user-error.js";

/** Where runs are if nobody says otherwise; it need not be there before the first. */
const defaultRunsFolder = "runs";

/**
 * For commands that look for a run: a folder that the user named has to be there.
 *
 * @throws {UserError} it is missing, or is no folder
 */
export function checkRunsFolder(folder: string): void {
  const isThere = refuseFile(folder, "--runs");
  if (!isThere && folder !== defaultRunsFolder) {
    throw new UserError(
      `there is no folder ${folder}: name the one that the runs are in with --runs.`,
    );
  }
}

/**
 * For commands that list or make runs: before the first one the folder may be missing.
 *
 * @param option with which the user can name another
 * @throws {UserError} it is no folder
 */
export function checkFolderForRun(folder: string, option: "--runs" | "--run-dir"): void {
  refuseFile(folder, option);
}

/**
 * Makes a file in a folder that runs are made in, and the folder where it is missing.
 *
 * @throws {UserError} it is no folder, or may not be written
 */
export function makeFileForRun(folder: string, path: string, option: "--runs" | "--run-dir"): void {
  checkFolderForRun(folder, option);
  try {
    mkdirSync(folder, { recursive: true });
    closeSync(openSync(path, "ax"));
  } catch (error) {
    const { message } = recordError(`no run can be made in ${folder}`, error);
    throw new UserError(
      `${message}. Name a folder that can be written with ${option}.`,
      exitCode.environment,
      { cause: error },
    );
  }
}

/** @returns whether there is a folder */
function refuseFile(folder: string, option: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) {
    throw new UserError(
      `${folder} is a file where a folder for runs should be: move it away, or name a folder with ${option}.`,
    );
  }
  return found !== undefined;
}
