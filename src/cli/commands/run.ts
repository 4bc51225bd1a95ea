/** `averse run`: a configuration's arms and seeds, trained, evaluated and reported on. */
import { dirname, resolve } from "node:path";
import { loadExperiment } from "../../config/load.js";
import type { ExitCode } from "../failure-text.js";
import { experimentFile } from "../lookup/experiments.js";
import { checkFolderForRun } from "../lookup/runs.js";
import { detach, logOfNewRun, takeDetachment } from "../run/detach.js";
import { executeNewRun, type NewRunOptions, usableSpec } from "../run/execute-run.js";
import { requirePreflight } from "../run/run-preflight.js";
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
  const [parent, option] = placeOfNewRun(options);
  if (options.detach && detachment === null) {
    return detach(logOfNewRun(parent, option), options, terminal);
  }
  checkFolderForRun(parent, option);
  const loaded = loadExperiment(experimentFile(name), options.set);
  const { experiment, origins, written } = loaded;
  const json = options.json && detachment === null;
  await usableSpec(experiment);
  const warnings = await requirePreflight(loaded, parent, terminal);
  const given = { origins, written_paths: written };
  const how = { ...options, json, detachment };
  return (await executeNewRun(experiment, given, how, terminal, warnings)).exit;
}

/** The folder that a run's own is made in, and the option that says so. */
export function placeOfNewRun({
  runs,
  runDir,
}: Pick<NewRunOptions, "runs" | "runDir">): [folder: string, option: "--runs" | "--run-dir"] {
  return runDir === undefined ? [runs, "--runs"] : [dirname(resolve(runDir)), "--run-dir"];
}
