/**
 * `averse run`: configuration → run folder → engine with real workers → report → table. Everything
 * that can be refused is refused before the run folder is made.
 */
import { loadExperiment } from "../config/load.js";
import { runExperiment } from "../experiment/engine.js";
import type { JournalEvent } from "../experiment/events.js";
import type { Observer } from "../experiment/observation.js";
import { type Plan, planRun } from "../experiment/plan.js";
import type { RunOutcome } from "../experiment/ports.js";
import { createRun } from "../record/run-directory.js";
import { pythonPath } from "../worker/python-path.js";
import { readWorkerSpec, type WorkerSpec } from "../worker/spec.js";
import { concludeRun } from "./conclude-run.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { experimentFile } from "./experiment-file.js";
import { hardware } from "./hardware.js";
import { packageRoot } from "./package-root.js";
import { provenance } from "./provenance.js";
import { jsonView, liveView, plainView, type RunView } from "./run-view.js";
import { stopSignals } from "./stop-signals.js";
import type { Terminal } from "./terminal.js";
import { UserError } from "./user-error.js";
import { workerOpener } from "./worker-opener.js";

export interface RunCommandOptions {
  readonly set: readonly string[];
  readonly runDir?: string;
  readonly runs: string;
  readonly json: boolean;
  readonly plain: boolean;
  readonly showText: boolean;
}

export async function run(
  name: string,
  options: RunCommandOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { experiment, origins } = loadExperiment(experimentFile(name), options.set);
  const spec = readWorkerSpec(experiment.backend.worker, packageRoot);
  requirePython(spec);
  const machine = hardware();
  const plan = planRun(experiment, machine);
  const recorder = createRun({
    experiment,
    runsFolder: options.runs,
    runDir: options.runDir ?? null,
    provenance: provenance(origins, machine),
    now: () => new Date(),
  });
  const view = await openView(options, plan, terminal);
  const signals = stopSignals((how) => view.stopping(how));
  const samples = new Map<string, string>();
  let outcome: RunOutcome;
  try {
    outcome = await runExperiment(experiment, plan, {
      openWorker: workerOpener(spec, recorder.directory, (text) => view.print(text)),
      recorder,
      clock: () => performance.now() / 1000,
      observe: watching(view.observe, samples),
      stop: signals.stop,
      halt: signals.halt,
    });
  } finally {
    signals.dispose();
    await view.end();
    recorder.close();
  }
  return concludeRun(outcome, recorder.directory, samples, options, terminal);
}

/** @throws {UserError} the worker needs Python and there is none: before a folder is made */
function requirePython(spec: WorkerSpec): void {
  if (!spec.argv.some((part) => part.includes("{python}"))) return;
  try {
    pythonPath(packageRoot);
  } catch (error) {
    throw new UserError((error as Error).message, exitCode.environment, { cause: error });
  }
}

async function openView(
  options: RunCommandOptions,
  plan: Plan,
  terminal: Terminal,
): Promise<RunView> {
  if (options.json) return jsonView(terminal);
  const live = terminal.isTty && !options.plain;
  return live ? await liveView(plan, terminal) : plainView((line) => terminal.out(line));
}

function watching(observe: Observer, samples: Map<string, string>): Observer {
  const take = (event: JournalEvent) => {
    if (
      event.type === "evaluated" &&
      event.final &&
      event.samples !== null &&
      event.trial !== null
    ) {
      samples.set(event.trial, event.samples);
    }
  };
  return (observation) => {
    if (observation.kind === "event") take(observation.event);
    observe(observation);
  };
}
