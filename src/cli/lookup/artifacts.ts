/** Where artifacts are kept: `--artifacts`, or AVERSE_ARTIFACTS, or beside the folder of the runs. */
import { statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { recordError } from "../../system/record-error.js";
import { exitCode, UserError } from "../failure-text.js";

/**
 * @param given by option or variable
 * @param runsFolder folder of all runs
 * @returns absolute path; nothing has to be there
 * @throws {UserError} something that is no folder is there, or it cannot be looked into
 */
export function artifactsFolder(given: string | undefined, runsFolder: string): string {
  const folder =
    given === undefined || given === ""
      ? join(dirname(resolve(runsFolder)), "artifacts")
      : resolve(given);
  const remedy = "choose another folder with --artifacts";
  try {
    const found = statSync(folder, { throwIfNoEntry: false });
    if (found === undefined || found.isDirectory()) return folder;
  } catch (error) {
    const why = recordError(`cannot read the folder of artifacts ${folder}`, error).message;
    throw new UserError(`${why}; ${remedy}`, exitCode.environment, { cause: error });
  }
  throw new UserError(`${folder} is not a folder, so no artifacts can be kept in it: ${remedy}`);
}
