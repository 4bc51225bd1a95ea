/** From a worker's spec to its process. */
import type { Withholding } from "../config/withholding.js";
import { WorkerLost } from "../worker.js";
import { MARK } from "./left-behind.js";
import { filled } from "./placeholders.js";
import { type OutputLog, WorkerProcess } from "./process.js";
import { pythonPath } from "./python-path.js";
import type { WorkerSpec } from "./spec.js";

export interface LaunchOptions {
  /** Folder of the package, for `{root}` and `{python}`. */
  readonly root: string;
  /** Added to the spec's environment, and stronger: a device of its own for each trial, say. */
  readonly environment?: Readonly<Record<string, string>>;
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
    readonly withholding: Withholding;
  },
): Promise<WorkerProcess> {
  const { root, endpoint, session } = where;
  const values = {
    root,
    endpoint,
    session,
    // A spec that names it has been read as one with keys.
    keys: where.keys ?? "",
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
        ...where.environment,
        [MARK]: session,
      },
      log: where.log,
      withholding: where.withholding,
    });
  } catch (error) {
    const text = `the worker "${spec.name}" cannot be started: ${(error as Error).message}`;
    throw new WorkerLost(where.withholding.whole(text), "never-connected", [], { cause: error });
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
