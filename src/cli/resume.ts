/** `averse resume`: a run that was interrupted, failed or killed goes on from its checkpoints. */
import { planRun } from "../experiment/plan.js";
import { readEvaluation } from "../record/evaluation-file.js";
import { readManifest } from "../record/manifest.js";
import { experimentOf } from "../record/manifest-experiment.js";
import { openRun } from "../record/open-run.js";
import { RecordError } from "../record/record-error.js";
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
 * @throws {UserError} there is no such run, or it is done; of exit 3: its manifest or journal is
 *   damaged or missing
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
    throw new UserError(
      `${folder} is done; nothing is left to resume. \`averse show\` shows it, \`averse reproduce\` runs it again.`,
      exitCode.usage,
    );
  }
  const experiment = experimentOf(manifest);
  const spec = usableSpec(experiment);
  const machine = hardware();
  const plan = planRun(experiment, machine);
  const here = provenance(manifest.origins, machine, options.argv, spec.environment);
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
  const run = { experiment, plan, spec, recorder, history };
  const json = options.json && detachment === null;
  return (await execute(run, { ...options, json, detachment }, terminal)).exit;
}

/** What is read of a record that cannot be gone on from is told with what can be done about it. */
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
      `${error.message}. Nothing was changed. \`averse verify ${folder}\` lists all that is wrong: ` +
      "put such files back from a copy and resume, or start a new run.";
    throw new UserError(text, exitCode.environment, { cause: error });
  }
}
