/** Where the files lie that `backend.worker` names: `configs/workers`, of the user's and ours. */

import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError } from "../config/problems.js";

export interface WorkerFile {
  /** As in `backend.worker`. */
  readonly name: string;
  readonly file: string;
}

/**
 * Every worker that has a name, by name; of one name, the working directory's and not the package's.
 *
 * @param root - Folder of the package.
 */
export function workerFiles(root: string, workingDirectory: string): WorkerFile[] {
  const files = new Map<string, string>();
  for (const folder of [workingDirectory, root].map(workersFolder)) {
    const names = existsSync(folder) ? readdirSync(folder) : [];
    for (const entry of names.filter((name) => name.endsWith(".yaml"))) {
      const name = entry.slice(0, -".yaml".length);
      if (!files.has(name)) {
        files.set(name, join(folder, entry));
      }
    }
  }
  return [...files]
    .map(([name, file]) => ({ name, file }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * The file that a value of `backend.worker` means. Whatever has a slash or ends in .yaml is a path;
 * all else is a name.
 *
 * @throws {ConfigError} nothing has that name; says which names there are.
 */
export function workerFile(worker: string, root: string, workingDirectory: string): string {
  if (/[/\\]|\.ya?ml$/.test(worker)) {
    return resolve(workingDirectory, worker);
  }
  const known = workerFiles(root, workingDirectory);
  const found = known.find(({ name }) => name === worker);
  if (found === undefined) {
    const names = known.map(({ name }) => name).join(", ");
    throw new ConfigError([
      {
        place: { file: join(workersFolder(root), `${worker}.yaml`), line: 1, column: 1 },
        key: "backend.worker",
        found: `no worker named "${worker}"`,
        expected: names === "" ? "a file in that folder" : `one of ${names}`,
        remedy: "Use one of these names, or give the path of a YAML file.",
      },
    ]);
  }
  return found.file;
}

function workersFolder(root: string): string {
  return join(root, "configs", "workers");
}
