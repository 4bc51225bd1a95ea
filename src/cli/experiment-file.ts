/** `<experiment>` of the command line: a path, or a name in configs/experiments. */
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { nearestName } from "../config/nearest-name.js";
import { packageRoot } from "./package-root.js";
import { UserError } from "./user-error.js";

const folder = join("configs", "experiments");

/**
 * A name is looked up in the working directory's configs first, then in the package's.
 *
 * @throws {UserError} nothing has that name; says which names there are
 */
export function experimentFile(experiment: string, workingDirectory = process.cwd()): string {
  if (/[/\\]|\.ya?ml$/i.test(experiment)) return experiment;
  const folders = [join(workingDirectory, folder), join(packageRoot, folder)];
  for (const candidate of folders) {
    const file = join(candidate, `${experiment}.yaml`);
    if (existsSync(file)) return shortPath(file, workingDirectory);
  }
  const known = [...new Set(folders.flatMap(experimentNames))].sort();
  const meant = nearestName(experiment, known);
  const list = known.length === 0 ? "there is none" : `there is ${known.join(", ")}`;
  throw new UserError(
    `no experiment is named ${JSON.stringify(experiment)}: in configs/experiments ${list}. ` +
      (meant === null
        ? "Give one of these names, or the path of a YAML file."
        : `Did you mean ${meant}?`),
  );
}

export function experimentNames(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) =>
    name.endsWith(".yaml") ? [name.slice(0, -5)] : [],
  );
}

function shortPath(file: string, workingDirectory: string): string {
  const path = relative(workingDirectory, file);
  return path.startsWith("..") ? file : path;
}
