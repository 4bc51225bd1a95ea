/** From a worker's spec to its process. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Redaction } from "../text/redaction.js";
import { EnvironmentError, WorkerLost } from "./contract.js";
import { MARK } from "./orphans.js";
import { type OutputLog, WorkerProcess } from "./process.js";
import { filled, type WorkerSpec } from "./spec.js";

export interface LaunchOptions {
  /** Folder of the package, for `{root}` and `{python}`. */
  readonly root: string;
  /** Gets everything the worker prints, without secrets; stays open. */
  readonly log?: OutputLog;
}

/**
 * Starts the program that a spec names.
 *
 * @throws {WorkerLost} the program cannot be started.
 * @throws {EnvironmentError} the spec asks for `{python}` and there is none.
 */
export async function launch(
  spec: WorkerSpec,
  where: LaunchOptions & {
    readonly endpoint: string;
    readonly session: string;
    readonly keys: string | null;
    readonly temporary: string | null;
    readonly redaction: Redaction;
  },
): Promise<WorkerProcess> {
  const { root, endpoint, session } = where;
  const values = {
    root,
    endpoint,
    session,
    // A spec that names it has been read as one with keys.
    keys: where.keys ?? "",
    processes: String(spec.processes),
    // Looked for only where the spec asks for it.
    get python(): string {
      return pythonPath(root);
    },
  };
  const argv = spec.argv.map((part) => filled(part, values));
  const environment = Object.fromEntries(
    Object.entries(spec.environment).map(([name, value]) => [name, filled(value, values)]),
  );
  try {
    return await WorkerProcess.start({
      argv,
      environment: {
        ...ownEnvironment(where.temporary),
        ...environment,
        [MARK]: session,
      },
      log: where.log,
      redaction: where.redaction,
    });
  } catch (error) {
    const text = `the worker "${spec.name}" cannot be started: ${(error as Error).message}`;
    throw new WorkerLost(where.redaction.whole(text), "never-connected", [], { cause: error });
  }
}

/**
 * Of a worker on this machine: it leaves when this process is gone, even while it is still
 * starting, and what it leaves in the folder for temporary files goes with the session.
 *
 * @param temporary null: the worker may be on another machine
 */
function ownEnvironment(temporary: string | null): Record<string, string> {
  return temporary === null
    ? {}
    : { AVERSE_CONTROLLER_PID: String(process.pid), TMPDIR: temporary };
}

/**
 * Which Python runs the worker, `{python}` of a spec: `AVERSE_PYTHON` if set, otherwise the package's own virtual environment. An explicit
 * choice is not checked here: it may be a name for PATH to find.
 *
 * @param root - Folder of the package.
 * @throws {EnvironmentError} neither is there; says what to run.
 */
export function pythonPath(
  root: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const chosen = environment.AVERSE_PYTHON;
  if (chosen) {
    return chosen;
  }
  const own = join(root, ".venv", "bin", "python");
  if (!existsSync(own)) {
    throw new EnvironmentError(
      `no Python for the worker: ${own} does not exist; run \`npm start\` once to make it, or set ` +
        "AVERSE_PYTHON to a Python that has the worker's packages (`averse doctor` checks them)",
    );
  }
  return own;
}
