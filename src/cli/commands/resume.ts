/** `averse resume`: a run that was interrupted, failed or killed continues from its checkpoints. */
import { dirname, resolve } from "node:path";
import { readEvaluation } from "../../store/evaluation-file.js";
import { readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { openRun } from "../../store/open-run.js";
import { RecordError } from "../../system/record-error.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { artifactsFolder } from "../lookup/artifacts.js";
import { runFolder } from "../lookup/runs.js";
import { hardware } from "../machine/hardware.js";
import { provenance } from "../machine/provenance.js";
import { concludeRun } from "../run/conclude-run.js";
import { controllerLog, detach, takeDetachment } from "../run/detach.js";
import {
  artifactStore,
  type ExecutionOptions,
  execute,
  requirePaths,
  usableSpec,
} from "../run/execute-run.js";
import type { Terminal } from "../terminal.js";

export interface ResumeCommandOptions extends Omit<ExecutionOptions, "detachment"> {
  readonly runs: string;
  /** Folder of artifacts; the one that the run began with. */
  readonly artifacts?: string;
  /** In the background, without a terminal. */
  readonly detach: boolean;
}

/**
 * @returns done, also of a run that was done before
 * @throws {UserError} there is no such run; of exit 3: its manifest or journal is damaged or missing
 * @throws {RecordError} another controller has it
 */
export async function resume(
  name: string,
  options: ResumeCommandOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const detachment = takeDetachment();
  const folder = runFolder(name, options.runs);
  if (options.detach && detachment === null) {
    return detach(controllerLog(folder), options, terminal);
  }
  const manifest = await whole(folder, () => readManifest(folder));
  if (manifest.outcome === "done") {
    // So that a script can resume a run until it is done, however often it was interrupted.
    if (options.json) {
      terminal.out(JSON.stringify({ type: "result", outcome: "done", run: folder }));
    }
    terminal.err(
      `${folder} is done, so there is nothing to resume. \`averse show\` shows it, \`averse reproduce\` runs it again.`,
    );
    return exitCode.done;
  }
  const experiment = recordedExperiment(manifest, folder);
  requirePaths(experiment, manifest.written_paths);
  const spec = await usableSpec(experiment);
  const machine = hardware();
  const recorded = manifest.artifacts.folder ?? undefined;
  const kept = artifactsFolder(options.artifacts ?? recorded, dirname(resolve(folder)));
  const here = provenance(manifest, machine, options.argv, spec.environment);
  const { recorder, events, cutBytes } = await whole(folder, () =>
    openRun(folder, here, () => new Date()),
  );
  if (recorder.manifest.outcome === "done") {
    // Its controller died after the last event: only the reports may be missing.
    recorder.close();
    const evaluation = readEvaluation(folder);
    return concludeRun({ outcome: "done", evaluation }, folder, new Map(), options, terminal);
  }
  const history = { events: events(), cutBytes };
  const artifacts = artifactStore(kept, false);
  const run = { experiment, machine, spec, recorder, artifacts, history };
  const json = options.json && detachment === null;
  return (await execute(run, { ...options, json, detachment }, terminal)).exit;
}

/** Adds to the error of a damaged run folder what the user can do about it. */
async function whole<Read>(folder: string, read: () => Read | Promise<Read>): Promise<Read> {
  try {
    return await read();
  } catch (error) {
    if (
      !(error instanceof RecordError) ||
      (error.reason !== "damaged" && error.reason !== "missing")
    ) {
      throw error;
    }
    const text =
      `${error.message}. Nothing was changed. \`averse verify ${folder}\` lists everything that is damaged: ` +
      "restore those files from a copy and resume, or start a new run.";
    throw new UserError(text, exitCode.environment, { cause: error });
  }
}
