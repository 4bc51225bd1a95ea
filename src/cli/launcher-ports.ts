/** What the launcher asks for, answered from the disk; starting and watching are the caller's. */
import { join } from "node:path";
import type { Hardware } from "../experiment/placement.js";
import type { RunSummary } from "../experiment/run-summary.js";
import { RunList } from "../record/run-list.js";
import type { LauncherPorts } from "../tui/launcher/launcher-ports.js";
import { comparedRun } from "./compared-runs.js";
import { ExperimentList } from "./experiment-list.js";
import { PastTrials } from "./past-trials.js";
import { checkFolderForRun } from "./runs-folder.js";
import type { PastTrial } from "./time-estimate.js";

export interface LauncherSurroundings {
  /** Folder of the runs. */
  readonly runs: string;
  /** Its configs/experiments is looked at before the package's. */
  readonly workingDirectory: string;
  readonly hardware: Hardware;
}

export function launcherPorts(
  { runs: folder, workingDirectory, hardware }: LauncherSurroundings,
  act: Pick<LauncherPorts, "start" | "open">,
): LauncherPorts {
  const runList = new RunList(folder);
  const experimentList = new ExperimentList(hardware, workingDirectory);
  const pastTrials = new PastTrials();
  let runs: readonly RunSummary[] = [];
  let past: readonly PastTrial[] = [];
  return {
    ...act,
    runs: async () => {
      checkFolderForRun(folder, "--runs");
      runs = runList.read();
      return runs;
    },
    experiments: async () => {
      past = await pastTrials.of(runs);
      return experimentList.look(past);
    },
    check: (experiment, overrides) => experimentList.check(experiment, overrides, past),
    compare: async (ids) => ids.map((id) => comparedRun(join(folder, id))),
  };
}
