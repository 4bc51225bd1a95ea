/** `averse` on a terminal: experiments and runs to choose from, to start, to watch and to compare. */

import { basename, join } from "node:path";
import type { Hardware } from "../../engine/plan.js";
import type { RunSummary } from "../../run-model/run-summary.js";
import { removeRun } from "../../store/remove-run.js";
import { RunList } from "../../store/run-list.js";
import { writeNotes } from "../../store/run-notes.js";
import type { LauncherPorts } from "../../tui/launcher/launcher-ports.js";
import { isLive } from "../../tui/launcher/list-state.js";
import { runLauncher } from "../../tui/launcher/run-launcher.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { ExperimentList } from "../lookup/experiments.js";
import { checkFolderForRun, runWord } from "../lookup/runs.js";
import { type PastTrial, PastTrials } from "../lookup/trial-times.js";
import { hardware } from "../machine/hardware.js";
import { detach, logOfNewRun } from "../run/detach.js";
import type { Terminal } from "../terminal.js";
import { attachTo } from "./attach.js";
import { comparedRun } from "./compare.js";

export interface LauncherOptions {
  /** Folder of the runs. */
  readonly runs: string;
}

/**
 * Until its user leaves; started runs continue.
 *
 * @param terminal with a screen
 */
export async function launcher({ runs }: LauncherOptions, terminal: Terminal): Promise<ExitCode> {
  const { stdin, stdout } = process;
  const { color, unicode } = terminal;
  const surroundings = { runs, workingDirectory: process.cwd(), hardware: hardware() };
  const ports = launcherPorts(surroundings, {
    start: (experiment, overrides) => startDetached(runs, experiment, overrides, terminal),
    open: async (id) => {
      await attachTo(join(runs, id), { json: false, plain: false }, terminal);
    },
  });
  await runLauncher(ports, { stdin, stdout, color, unicode });
  const going = (await ports.runs()).filter(isLive).map(({ id }) => id);
  if (going.length > 0) {
    const first = runWord(join(runs, going[0]!));
    terminal.out(`${going.join(", ")}: still running. \`averse attach ${first}\` shows it again.`);
  }
  return exitCode.done;
}

/**
 * `averse run EXPERIMENT --detach` with these overrides.
 *
 * @returns the run's id
 * @throws {Error} in the words in which the run was refused
 */
async function startDetached(
  runs: string,
  experiment: string,
  overrides: readonly string[],
  terminal: Terminal,
): Promise<string> {
  const settings = overrides.flatMap((override) => ["--set", override]);
  const argv = ["run", experiment, "--detach", "--runs", runs, ...settings];
  const said: string[] = [];
  const refused: string[] = [];
  const code = await detach(
    logOfNewRun(runs, "--runs"),
    { argv, json: true },
    { ...terminal, out: (text) => said.push(text), err: (text) => refused.push(text) },
  );
  if (code !== exitCode.done) {
    const words = refused.join(" ").replace(/\s+/g, " ").trim();
    throw new Error(words || "it ended before it had a run folder");
  }
  const { run } = JSON.parse(said.join("")) as { readonly run: string };
  return basename(run);
}

export interface LauncherSurroundings {
  /** Folder of the runs. */
  readonly runs: string;
  /** Its configs/experiments is looked at before the package's. */
  readonly workingDirectory: string;
  readonly hardware: Hardware;
}

/** What the launcher needs, read from the disk; starting and watching are the caller's. */
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
    annotate: async (id, notes) => writeNotes(join(folder, id), notes),
    remove: async (id) => removeRun(join(folder, id), () => new Date()),
    compare: async (ids) => ids.map((id) => comparedRun(join(folder, id))),
  };
}
