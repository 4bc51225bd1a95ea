/** Which Python runs the worker: what `{python}` stands for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EnvironmentError } from "../worker.js";

/**
 * `AVERSE_PYTHON` if set, otherwise the package's own virtual environment. An explicit
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
