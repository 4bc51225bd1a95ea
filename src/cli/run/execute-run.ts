/**
 * A run from its record to its exit code: workers, engine, view, signals, reports. Shared by `run`,
 * which makes the record, `resume`, which takes one up, and `reproduce`, which makes a second one.
 */
import { existsSync, rmdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ArtifactStore } from "../../artifacts/artifact-store.js";
import { missingPaths } from "../../config/local-paths.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { trackersOf } from "../../config/schema/trackers.js";
import { runExperiment } from "../../engine/engine.js";
import { UnrecordedError } from "../../engine/failure.js";
import {
  dependsOnDevices,
  type Hardware,
  hardwareOf,
  type Plan,
  planRun,
} from "../../engine/plan.js";
import type { Ports, RunOutcome } from "../../engine/ports.js";
import { goingOnFromIntact, type Past, replay } from "../../engine/replay.js";
import type { JournalEvent } from "../../journal/events.js";
import { type RunServer, serveRun } from "../../live/server.js";
import type { RunRecorder } from "../../store/recorder.js";
import { removeRun } from "../../store/remove-run.js";
import { createRun } from "../../store/run-folder.js";
import { RecordError } from "../../system/record-error.js";
import { readAttachFile } from "../../worker/attach-file.js";
import { readWorkerSpec, type WorkerSpec } from "../../worker/spec.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { artifactsFolder } from "../lookup/artifacts.js";
import { hardware, hardwareFor } from "../machine/hardware.js";
import { packageRoot } from "../machine/package.js";
import { provenance } from "../machine/provenance.js";
import { refuseSecrets } from "../machine/refuse-secrets.js";
import { requirePython } from "../setup/require-python.js";
import { type Terminal, waitSeconds } from "../terminal.js";
import { RunTrackers } from "../trackers/run-trackers.js";
import { writing } from "../writable-place.js";
import { CommandQueue } from "./command-queue.js";
import { concludeRun, resumeHint } from "./conclude-run.js";
import type { Detachment } from "./detach.js";
import { OwnRun } from "./run-source.js";
import { dashboardView, jsonView, plainView, type RunView } from "./run-view.js";
import { type StopRequest, stopSignals } from "./stop-signals.js";
import { WorkerOpener } from "./worker-opener.js";

/** How a run is shown. */
export interface ExecutionOptions {
  readonly json: boolean;
  readonly plain: boolean;
  readonly showText: boolean;
  /** Arguments after the program's name, for the record. */
  readonly argv: readonly string[];
  /** Of a run without a terminal; null: this process has its caller's. */
  readonly detachment: Detachment | null;
}

export interface NewRunOptions extends ExecutionOptions {
  /** Folder of all runs. */
  readonly runs: string;
  /** This very folder instead, which must not exist. */
  readonly runDir?: string;
  /** Folder of artifacts; beside that of the runs. */
  readonly artifacts?: string;
  /** Train and score everything anew. */
  readonly fresh: boolean;
}

export interface Executed {
  readonly exit: ExitCode;
  readonly folder: string;
  readonly outcome: RunOutcome["outcome"];
}

/**
 * Makes a run's folder and runs it. Everything that can be refused is refused before that.
 *
 * @param given who gave the values, and paths as they were written
 * @param warnings of the checks before the run, told as it starts
 */
export async function executeNewRun(
  experiment: Experiment,
  given: Parameters<typeof provenance>[0],
  options: NewRunOptions,
  terminal: Terminal,
  warnings: readonly string[] = [],
): Promise<Executed> {
  requirePaths(experiment, given.written_paths);
  const spec = await usableSpec(experiment);
  refuseSecrets(experiment, process.env, spec.environment);
  const machine = hardware();
  const artifacts = artifactsFolder(options.artifacts, options.runs);
  const parent = options.runDir === undefined ? options.runs : dirname(resolve(options.runDir));
  const isFirst = !existsSync(parent);
  const option = options.runDir === undefined ? "--runs" : "--run-dir";
  const recorder = await writing(`Choose a writable folder with ${option}.`, () =>
    createRun({
      experiment,
      runsFolder: options.runs,
      runDir: options.runDir ?? null,
      provenance: provenance(given, machine, options.argv, spec.environment),
      artifacts,
      now: () => new Date(),
    }),
  );
  const kept = artifactStore(artifacts, options.fresh);
  const run = { experiment, machine, spec, recorder, artifacts: kept, history: null, warnings };
  const executed = await execute(run, options, terminal);
  if (isFirst && !existsSync(executed.folder)) removeIfEmpty(parent);
  return executed;
}

/** The folder that was made for a run which left nothing. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Another run lies in it by now.
  }
}

/**
 * Of a run that is taken up, or run again: what it was trained with may have been moved since.
 *
 * @param written paths as a user wrote them
 * @throws {UserError} a folder or file that the configuration names is gone
 */
export function requirePaths(
  experiment: Experiment,
  written: Readonly<Record<string, string>>,
): void {
  const gone = missingPaths(experiment).map(([key, path]) => {
    const as = written[key] === undefined ? "" : ` (written as ${JSON.stringify(written[key])})`;
    return `${key}: there is no ${path}${as}`;
  });
  if (gone.length === 0) return;
  throw new UserError(
    `${gone.join("; ")}. Restore it there, or start a new run with its new path.`,
  );
}

/**
 * The worker that an experiment names.
 *
 * @throws {ConfigError} its file is missing or wrong
 * @throws {UserError} it needs Python and there is none
 */
export async function usableSpec(experiment: Experiment): Promise<WorkerSpec> {
  const spec = readWorkerSpec(experiment.backend.worker, packageRoot);
  await requirePython(spec);
  return spec;
}

/** @param folder of all artifacts, absolute */
export function artifactStore(folder: string, fresh: boolean): ArtifactStore {
  return new ArtifactStore(folder, { fresh, now: () => new Date(), wait: waitSeconds });
}

export interface Execution {
  readonly experiment: Experiment;
  /** As it looks from here; where it matters, a worker is asked. */
  readonly machine: Hardware;
  readonly spec: WorkerSpec;
  /** Closed when the run is over. */
  readonly recorder: RunRecorder;
  readonly artifacts: ArtifactStore;
  /** What was before, of a run that is taken up again; null: nothing. */
  readonly history: History | null;
  readonly warnings?: readonly string[];
}

interface History {
  /** Of the whole journal, in order. */
  readonly events: AsyncIterable<JournalEvent>;
  /** Cut off the journal's end; 0: it was whole. */
  readonly cutBytes: number;
}

export async function execute(
  { experiment, machine, spec, recorder, artifacts, history, warnings = [] }: Execution,
  options: ExecutionOptions,
  terminal: Terminal,
): Promise<Executed> {
  const folder = recorder.directory;
  options.detachment?.arrive(folder);
  const samples = new Map<string, string>();
  const unsaved: string[] = [];
  let hasResults = history !== null;
  const commands = new CommandQueue();
  let view: RunView | null = null;
  let asked: StopRequest | null = null;
  // First of all: from here on an end has to be one in order.
  const signals = stopSignals(
    (how) => {
      asked = how;
      view?.stopping(how);
    },
    process,
    undefined,
    options.detachment === null,
  );
  let outcome: RunOutcome;
  let plan: Plan;
  let trackers: RunTrackers | null = null;
  try {
    const own = new OwnRun(folder, experiment, commands);
    const opened = await openView(options, own, terminal);
    view = opened;
    if (asked !== null) opened.stopping(asked);
    for (const warning of warnings) opened.print(warning);
    const server = await serve(folder, commands, opened);
    trackers = new RunTrackers(trackersOf(experiment), folder, opened.print);
    const workers = new WorkerOpener(
      spec,
      resolve(folder),
      artifacts.directory,
      (text) => opened.print(text),
      () => commands.ask("checkpoint"),
    );
    opened.onStopAsked(() => signals.request());
    try {
      const { attach } = spec;
      const attached = attach && { workers: readAttachFile(attach.file).ports.length };
      const hardware = { ...hardwareFor(spec, machine), ...attached };
      plan = await placedPlan(experiment, hardware, workers, signals, opened);
      const past =
        history === null ? null : await recall(experiment, plan, recorder, history, samples);
      outcome = await runExperiment(
        experiment,
        plan,
        {
          openWorker: workers.open,
          spares: workers,
          recorder,
          artifacts,
          clock: () => performance.now() / 1000,
          wait: waitSeconds,
          observe: (observation) => {
            if (observation.kind === "event") {
              const { event } = observation;
              takeSamples(event, samples);
              hasResults ||= resultEvents.has(event.type);
              if (event.type === "trial_interrupted" && event.saved === null) {
                unsaved.push(event.trial!);
              }
            }
            server?.observe(observation);
            own.observe(observation);
            opened.observe(observation);
          },
          commands: commands.source,
          stop: signals.stop,
          abort: signals.abort,
        },
        past,
      );
    } finally {
      await workers.closeSpares();
      own.end();
      // While the run is locked: the next controller's socket must not be removed.
      await server?.close();
      trackers.runIsOver();
      await opened.end();
    }
  } catch (error) {
    await trackers?.abandon();
    throw brokenOff(error, folder, recorder);
  } finally {
    // Last: that the reader of the last lines has gone must find somebody who takes it calmly.
    signals.dispose();
  }
  const warning = givenFree(recorder);
  // In the plan's order, whichever trial was done first.
  const files = plan.trials.flatMap(({ id }) => {
    const file = samples.get(id);
    return file === undefined ? [] : [[id, file] as const];
  });
  // The output of a detached run is in its folder.
  const removed = !hasResults && options.detachment === null && isRefusal(outcome);
  const conclusion = { json: options.json, showText: options.showText, removed };
  const exit = await concludeRun(outcome, folder, new Map(files), conclusion, terminal, unsaved);
  if (warning !== null) terminal.err(warning);
  if (removed) await trackers.abandon();
  else await trackers.finish(terminal);
  if (removed) removeRefused(folder, terminal);
  return { exit, folder, outcome: outcome.outcome };
}

/** Events after which a run folder holds something that another run would have to compute again. */
const resultEvents: ReadonlySet<JournalEvent["type"]> = new Set([
  "sft_finished",
  "step",
  "evaluated",
  "checkpoint_saved",
  "model_exported",
  "trial_finished",
]);

/** Whether a worker refused the configuration, which a resumed run would keep. */
function isRefusal(outcome: RunOutcome): boolean {
  return outcome.outcome === "failed" && outcome.kind === "input";
}

/** A folder without any result would only be in the way. */
function removeRefused(folder: string, terminal: Terminal): void {
  try {
    removeRun(folder, () => new Date());
  } catch (error) {
    terminal.err(`warning: the run folder has no results but stays: ${(error as Error).message}`);
  }
}

/**
 * What runs side by side, and where: as a worker says, for its engine knows what it can use. Where
 * none can be had the run goes by what the controller sees, and fails where it needs one.
 */
async function placedPlan(
  experiment: Experiment,
  machine: Hardware,
  workers: WorkerOpener,
  { stop, abort }: Pick<Ports, "stop" | "abort">,
  view: RunView,
): Promise<Plan> {
  const { processes = 1, workers: attached, cluster } = machine;
  const plan = planRun(experiment, machine);
  if (cluster || !dependsOnDevices(experiment, plan.trials.length)) return plan;
  const abandon = AbortSignal.any([stop, abort]);
  try {
    return planRun(experiment, {
      ...hardwareOf(await workers.devices(abandon)),
      processes,
      ...(attached === undefined ? {} : { workers: attached }),
    });
  } catch (error) {
    if (!abandon.aborted) {
      const why = (error as Error).message;
      view.print(`warning: the worker could not report its devices, so they are guessed: ${why}`);
    }
    return plan;
  }
}

/** A run whose record cannot be written ends here, with what went wrong first. */
function brokenOff(error: unknown, folder: string, recorder: RunRecorder): unknown {
  try {
    recorder.close();
  } catch {
    // What aborted the run is already reported, and the lock ends with its process at the latest.
  }
  if (!(error instanceof RecordError || error instanceof UnrecordedError)) return error;
  const { message } = error;
  const hint = `Once the cause is fixed, ${resumeHint(folder)}`;
  return new UserError(`${message}. ${hint}`, exitCode.environment, { cause: error });
}

/**
 * All that had to be written is, so that a full disk, say, is no failure of the run any more.
 *
 * @returns null: nothing to report
 */
function givenFree(recorder: RunRecorder): string | null {
  try {
    recorder.close();
    return null;
  } catch (error) {
    return `warning: ${(error as Error).message}; it ends with this process`;
  }
}

async function recall(
  experiment: Experiment,
  plan: Plan,
  recorder: RunRecorder,
  { events, cutBytes }: History,
  samples: Map<string, string>,
): Promise<Past | null> {
  const past = await replay(experiment, plan, events, cutBytes, (event) =>
    takeSamples(event, samples),
  );
  return past === null ? null : goingOnFromIntact(past, recorder);
}

async function openView(
  options: ExecutionOptions,
  own: OwnRun,
  terminal: Terminal,
): Promise<RunView> {
  if (options.json) return jsonView(terminal);
  const live = terminal.hasScreen && !options.plain;
  return live ? await dashboardView(own, terminal) : plainView((line) => terminal.out(line));
}

/** A run that cannot be watched from elsewhere, or steered, runs all the same. */
async function serve(
  folder: string,
  commands: CommandQueue,
  view: RunView,
): Promise<RunServer | null> {
  try {
    return await serveRun(folder, (command) => commands.ask(command));
  } catch (error) {
    const why = (error as Error).message;
    view.print(`warning: no other terminal can attach to this run or steer it: ${why}`);
    return null;
  }
}

/** Notes the file of a trial's final texts. */
function takeSamples(event: JournalEvent, samples: Map<string, string>): void {
  if (event.type === "evaluated" && event.final && event.samples !== null && event.trial !== null) {
    samples.set(event.trial, event.samples);
  }
}
