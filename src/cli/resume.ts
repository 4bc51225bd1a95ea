/** `averse resume`: a run that was interrupted, failed or killed goes on from its checkpoints. */
import { planRun } from "../experiment/plan.js";
import { readEvaluation } from "../record/evaluation-file.js";
import { readManifest } from "../record/manifest.js";
import { experimentOf } from "../record/manifest-experiment.js";
import { openRun } from "../record/open-run.js";
import { concludeRun } from "./conclude-run.js";
import { controllerLog, detach, takeDetachment } from "./detach.js";
import { type ExecutionOptions, execute, usableSpec } from "./execute-run.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { hardware } from "./hardware.js";
import { provenance } from "./provenance.js";
import { runFolder } from "./run-folder.js";
import type { Terminal } from "./terminal.js";
import { UserError } from "./user-error.js";

export interface ResumeCommandOptions extends Omit<ExecutionOptions, "detachment"> {
  readonly runs: string;
  /** In the background, without a terminal. */
  readonly detach: boolean;
}

/**
 * @throws {UserError} there is no such run, or it is done
 * @throws {RecordError} another controller has it, or its record is damaged
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
  const manifest = readManifest(folder);
  if (manifest.outcome === "done") {
    throw new UserError(
      `${folder} is done; nothing is left to resume. \`averse show\` shows it, \`averse reproduce\` runs it again.`,
      exitCode.usage,
    );
  }
  const experiment = experimentOf(manifest);
  const spec = usableSpec(experiment);
  const machine = hardware();
  const plan = planRun(experiment, machine);
  const { recorder, events, cutBytes } = await openRun(
    folder,
    provenance(manifest.origins, machine, options.argv, spec.environment),
    () => new Date(),
  );
  if (recorder.manifest.outcome === "done") {
    // Its controller died after the last event: only the reports may be missing.
    recorder.close();
    const evaluation = readEvaluation(folder);
    return concludeRun({ outcome: "done", evaluation }, folder, new Map(), options, terminal);
  }
  const history = { events: events(), cutBytes };
  const run = { experiment, plan, spec, recorder, history };
  const json = options.json && detachment === null;
  return (await execute(run, { ...options, json, detachment }, terminal)).exit;
}
