/**
 * RUN of the command line: a folder, its name or the beginning of it, or `latest`; and the folder of
 * the runs, which is refused in one sentence before anything is looked for or made in it.
 */

import { closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { runFiles } from "../../store/paths.js";
import { isRun, latestRun, runNames } from "../../store/run-list.js";
import { recordError } from "../../system/record-error.js";
import { nearestName } from "../../text/nearest-name.js";
import { exitCode, UserError } from "../failure-text.js";

/**
 * @throws {UserError} no run, or several, by that name; no such folder
 * @throws {RecordError} what has that name cannot be looked into
 */
export function runFolder(run: string, runsFolder: string): string {
  if (isRun(run)) return run;
  if (isName(run) && isRun(join(runsFolder, run))) return join(runsFolder, run);
  checkRunsFolder(runsFolder);
  const latest = run === "latest" ? latestRun(runsFolder) : null;
  const ids = runNames(runsFolder).sort();
  const matching = latest === null ? ids.filter((id) => id.startsWith(run)) : [latest];
  const [id, ...others] = matching;
  if (id !== undefined && others.length === 0 && isRun(join(runsFolder, id))) {
    return join(runsFolder, id);
  }
  throw new UserError(refusal(run, runsFolder, ids, matching));
}

/**
 * As {@link runFolder}, and also a run whose manifest is gone: a folder with a journal.
 *
 * @throws {UserError}
 */
export function recordFolder(run: string, runsFolder: string): string {
  const places = [run, ...(isName(run) ? [join(runsFolder, run)] : [])];
  const place = places.find(
    (folder) => isRun(folder) || existsSync(join(folder, runFiles.journal)),
  );
  return place ?? runFolder(run, runsFolder);
}

/** RUN as a user in this folder would type it. */
export function runWord(folder: string): string {
  return dirname(resolve(folder)) === resolve("runs") ? basename(folder) : folder;
}

/** And no path. */
function isName(run: string): boolean {
  return /^[^/\\]+$/.test(run);
}

function refusal(
  run: string,
  folder: string,
  ids: readonly string[],
  matching: readonly string[],
): string {
  if (!isName(run) || (existsSync(run) && matching.length === 0)) {
    if (!existsSync(run)) return `there is no folder ${run}. \`averse ls\` lists the runs.`;
    const lacks = `${run} is not a run folder: ${runFiles.manifest} is missing`;
    return existsSync(join(run, runFiles.journal))
      ? `${lacks}. Restore it from a copy; \`averse verify ${run}\` checks the other files.`
      : `${lacks}. \`averse ls\` lists the runs.`;
  }
  if (ids.length === 0) {
    return `there is no run in ${folder}: start one with \`averse run quickstart\`, or choose another folder with --runs.`;
  }
  if (matching.length > 1) {
    return `${JSON.stringify(run)} matches several runs: ${matching.join(", ")}. Give more of the name.`;
  }
  const meant = nearestName(run, ids);
  const hint = meant === null ? "`averse ls` lists the runs." : `Did you mean ${meant}?`;
  return `no run is named ${JSON.stringify(run)} in ${folder}. ${hint}`;
}

/** Where runs are if nobody says otherwise; it need not be there before the first. */
const defaultRunsFolder = "runs";

/**
 * For commands that read runs: a folder that the user named has to be there.
 *
 * @throws {UserError} it is missing, or is no folder
 */
export function checkRunsFolder(folder: string): void {
  const isThere = refuseFile(folder, "--runs");
  if (!isThere && folder !== defaultRunsFolder) {
    throw new UserError(`there is no folder ${folder}: choose the folder of the runs with --runs.`);
  }
}

/**
 * For commands that make runs: before the first one the folder may be missing.
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
    const { message } = recordError(`cannot create a run in ${folder}`, error);
    throw new UserError(
      `${message}. Choose a writable folder with ${option}.`,
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
      `${folder} is a file; expected a folder for runs. Move the file, or choose a folder with ${option}.`,
    );
  }
  return found !== undefined;
}
