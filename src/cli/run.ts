/** `averse run`: a configuration's arms and seeds, trained, evaluated and reported on. */
import { loadExperiment } from "../config/load.js";
import { executeNewRun, type NewRunOptions } from "./execute-run.js";
import type { ExitCode } from "./exit-code.js";
import { experimentFile } from "./experiment-file.js";
import type { Terminal } from "./terminal.js";

export interface RunCommandOptions extends NewRunOptions {
  readonly set: readonly string[];
}

export async function run(
  name: string,
  options: RunCommandOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { experiment, origins } = loadExperiment(experimentFile(name), options.set);
  return (await executeNewRun(experiment, origins, options, terminal)).exit;
}
