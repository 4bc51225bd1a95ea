/** The first run of an installed Averse: its Python environment is made once the user agrees. */
import { fileURLToPath } from "node:url";
import { EnvironmentError } from "../../worker/contract.js";
import { environmentsFolder, isCheckout, pythonPath } from "../../worker/python-path.js";
import type { WorkerSpec } from "../../worker/spec.js";
import { askOnTerminal, type Question } from "../ask-on-terminal.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { inForeground } from "../machine/foreground.js";
import { packageRoot } from "../machine/package.js";

/**
 * Before a run, whose worker may need Python of this machine.
 *
 * @throws {UserError} there is none, and nobody was there to be asked or wanted it made
 */
export async function requirePython(
  { launcher, argv }: Pick<WorkerSpec, "launcher" | "argv">,
  ask: Question = askOnTerminal,
): Promise<void> {
  if (launcher !== "command" || !argv.some((part) => part.includes("{python}"))) return;
  try {
    pythonPath(packageRoot);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    if (!isCheckout(packageRoot)) {
      const question = `${error.message}.\n\nMake it in ${environmentsFolder()} now? It takes minutes and 2.5 GB or more. [y/N] `;
      if ((await ask(question)) === true) return setUp();
    }
    throw new UserError(`${error.message}.`, exitCode.environment, { cause: error });
  }
}

/** In a process of its own, which answers signals in its own way. */
async function setUp(): Promise<void> {
  const main = fileURLToPath(new URL("../../main.js", import.meta.url));
  const { code } = await inForeground(process.execPath, [main, "setup"]);
  if (code === exitCode.done) return;
  const exit: ExitCode = code === exitCode.interrupted ? code : exitCode.environment;
  throw new UserError("The run was not started: set-up did not end well.", exit);
}
