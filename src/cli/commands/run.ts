/** `averse run`: a configuration's arms and seeds, trained, evaluated and reported on. */
import { dirname, resolve } from "node:path";
import { loadExperiment } from "../../config/load.js";
import type { ExitCode } from "../failure-text.js";
import { experimentFile } from "../lookup/experiments.js";
import { checkFolderForRun } from "../lookup/runs.js";
import { detach, logOfNewRun, takeDetachment } from "../run/detach.js";
import { executeNewRun, type NewRunOptions } from "../run/execute-run.js";
import type { Terminal } from "../terminal.js";

export interface RunCommandOptions extends Omit<NewRunOptions, "detachment"> {
  readonly set: readonly string[];
  /** In the background, without a terminal. */
  readonly detach: boolean;
}

export async function run(
  name: string,
  options: RunCommandOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const detachment = takeDetachment();
  const { runs, runDir } = options;
  const [parent, option] =
    runDir === undefined
      ? [runs, "--runs" as const]
      : [dirname(resolve(runDir)), "--run-dir" as const];
  if (options.detach && detachment === null) {
    return detach(logOfNewRun(parent, option), options, terminal);
  }
  checkFolderForRun(parent, option);
  const { experiment, origins, written } = loadExperiment(experimentFile(name), options.set);
  const given = { origins, written_paths: written };
  const json = options.json && detachment === null;
  return (await executeNewRun(experiment, given, { ...options, json, detachment }, terminal)).exit;
}
