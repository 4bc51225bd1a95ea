/**
 * Which Python runs a worker on this machine. A checkout has its own virtual environment. An installed
 * package may be read-only and is replaced by the next version: its environment lies with the user's
 * data, one for each version of Averse.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { EnvironmentError } from "./contract.js";

type Variables = Readonly<Record<string, string | undefined>>;

/** A virtual environment for the worker, whether it is there or not. */
export interface WorkerEnvironment {
  readonly folder: string;
  readonly python: string;
  /** Written last: an environment with it is complete. */
  readonly ready: string;
}

/** Whether the package's folder holds the sources: `npm start` sets it up, not `averse setup`. */
export function isCheckout(root: string): boolean {
  return existsSync(join(root, "src", "main.ts"));
}

/** Where a user's environments lie, by the version of Averse that they are for. */
export function environmentsFolder(
  variables: Variables = process.env,
  platform: NodeJS.Platform = process.platform,
  home = homedir(),
): string {
  return join(dataFolder(variables, platform, home), "environments");
}

function dataFolder(variables: Variables, platform: NodeJS.Platform, home: string): string {
  const { XDG_DATA_HOME: xdg, LOCALAPPDATA: local } = variables;
  // A relative one is to be ignored, says the XDG specification.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, "averse");
  if (platform === "win32") return join(local ?? join(home, "AppData", "Local"), "averse");
  if (platform === "darwin") return join(home, "Library", "Application Support", "averse");
  return join(home, ".local", "share", "averse");
}

/** Versions of Averse that have an environment, complete or not. */
export function environmentVersions(variables: Variables = process.env): string[] {
  const folder = environmentsFolder(variables);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /^\d/.test(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** @param root - Folder of the package. */
export function workerEnvironment(
  root: string,
  variables: Variables = process.env,
): WorkerEnvironment {
  const folder = isCheckout(root)
    ? join(root, ".venv")
    : join(environmentsFolder(variables), versionOf(root));
  const python =
    process.platform === "win32"
      ? join(folder, "Scripts", "python.exe")
      : join(folder, "bin", "python");
  return { folder, python, ready: join(folder, "averse-ready.json") };
}

function versionOf(root: string): string {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    version: string;
  };
  return version;
}

/**
 * Which Python runs the worker, `{python}` of a spec: `AVERSE_PYTHON` if set, otherwise the package's
 * own environment. An explicit choice is not checked here: it may be a name for PATH to find.
 *
 * @param root - Folder of the package.
 * @throws {EnvironmentError} neither is there; says what to run.
 */
export function pythonPath(root: string, variables: Variables = process.env): string {
  const chosen = variables.AVERSE_PYTHON;
  if (chosen) return chosen;
  const { folder, python, ready } = workerEnvironment(root, variables);
  if (isCheckout(root)) {
    if (existsSync(python)) return python;
    throw new EnvironmentError(
      `no Python for the worker: ${python} does not exist; run \`npm start\` once to make it, or set ` +
        "AVERSE_PYTHON to a Python that has the worker's packages (`averse doctor` checks them)",
    );
  }
  if (existsSync(ready) && existsSync(python)) return python;
  throw new EnvironmentError(
    `no Python for the worker: ${missingText(root, folder, variables)}, or set AVERSE_PYTHON to a ` +
      "Python that has the worker's packages (`averse doctor` checks them)",
  );
}

function missingText(root: string, folder: string, variables: Variables): string {
  if (existsSync(folder)) return `${folder} is not complete; run \`averse setup\` to complete it`;
  const others = environmentVersions(variables);
  return others.length === 0
    ? `there is no environment in ${environmentsFolder(variables)} yet; run \`averse setup\` to make it`
    : `this is averse ${versionOf(root)} and there is an environment of ${others.join(", ")} alone; ` +
        "run `averse setup` to make this version's";
}
