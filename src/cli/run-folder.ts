/** RUN of the command line: a folder, its name or the beginning of it, or `latest`. */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { nearestName } from "../config/nearest-name.js";
import { isRun, latestRun, runNames } from "../record/run-list.js";
import { runFiles } from "../record/run-paths.js";
import { checkRunsFolder } from "./runs-folder.js";
import { UserError } from "./user-error.js";

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
    const lacks = `${run} is no run, or not all of one: it has no ${runFiles.manifest}`;
    return existsSync(join(run, runFiles.journal))
      ? `${lacks}, which only a copy brings back; \`averse verify ${run}\` checks what is there.`
      : `${lacks}. \`averse ls\` lists the runs.`;
  }
  if (ids.length === 0) {
    return `there is no run in ${folder}: start one with \`averse run quickstart\`, or name another folder with --runs.`;
  }
  if (matching.length > 1) {
    return `${JSON.stringify(run)} is the beginning of several runs: ${matching.join(", ")}. Give more of the name.`;
  }
  const meant = nearestName(run, ids);
  const hint = meant === null ? "`averse ls` lists the runs." : `Did you mean ${meant}?`;
  return `no run is named ${JSON.stringify(run)} in ${folder}. ${hint}`;
}
