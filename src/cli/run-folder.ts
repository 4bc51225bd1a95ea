/** RUN of the command line: a folder, its name or the beginning of it, or `latest`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { nearestName } from "../config/nearest-name.js";
import { listRuns } from "../record/run-list.js";
import { runFiles } from "../record/run-paths.js";
import { UserError } from "./user-error.js";

/** @throws {UserError} no run, or several, by that name */
export async function runFolder(run: string, runsFolder: string): Promise<string> {
  if (isRun(run)) return run;
  if (/^[^/\\]+$/.test(run) && isRun(join(runsFolder, run))) return join(runsFolder, run);
  const runs = await listRuns(runsFolder);
  if (run === "latest" && runs[0] !== undefined) return runs[0].directory;
  const matching = runs.filter(({ id }) => id.startsWith(run));
  if (matching.length === 1) return matching[0]!.directory;
  throw new UserError(
    refusal(
      run,
      runsFolder,
      runs.map(({ id }) => id),
      matching.map(({ id }) => id),
    ),
  );
}

export function isRun(folder: string): boolean {
  return existsSync(join(folder, runFiles.manifest));
}

function refusal(
  run: string,
  folder: string,
  ids: readonly string[],
  matching: readonly string[],
): string {
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
