/** Where things lie in a run folder. Every name is checked: none can lead out of it. */
import { journalFile } from "../journal/line.js";
import { RecordError } from "../system/record-error.js";

/** Lower case, as experiments, arms and `<arm>-s<seed>` are; no separator, no leading dot. */
const folderName = /^[a-z0-9][a-z0-9._=-]{0,79}$/;

export const runFiles = {
  manifest: "manifest.json",
  journal: journalFile,
  evaluation: "evaluation.json",
  progress: "progress.json",
  reportHtml: "report.html",
  reportMarkdown: "report.md",
  notes: "notes.json",
  logs: "logs",
  lock: "lock",
} as const;

/** Digest file that makes a checkpoint or model folder complete. */
export const digestsFile = "digests.json";

/** Digest list of a file, or of several that differ in their endings: `report.sha256`. */
export function digestListOf(file: string): string {
  return file.replace(/\.[a-z]+$/, ".sha256");
}

/** The controller's own part of a checkpoint. */
export const controllerFile = "controller.json";

/** @throws {RecordError} when it cannot be a folder's name */
export function checkedName(name: string, what: string): string {
  if (!folderName.test(name)) {
    throw new RecordError(
      "name",
      `${what} ${JSON.stringify(name)} cannot name a folder: lower-case letters, digits, '.', '_', ` +
        "'=' and '-', beginning with a letter or digit, expected",
    );
  }
  return name;
}

function trialFolder(trial: string): string {
  return `trials/${checkedName(trial, "trial")}`;
}

/** Relative to the run folder; `step`: iterations done. */
export function partFolder(trial: string, part: "checkpoint" | "model", step: number): string {
  const folder = trialFolder(trial);
  return part === "model" ? `${folder}/model` : `${folder}/checkpoints/${stepName(step)}`;
}

/**
 * A path as the functions here make it, read back from a journal.
 *
 * @throws {RecordError} it could lead elsewhere
 */
export function checkedPath(path: string): string {
  const [, trial] = partPath.exec(path) ?? [];
  if (trial === undefined || !folderName.test(trial)) {
    const kinds = "checkpoint, model, or file of episodes, completions or samples";
    throw new RecordError("name", `${JSON.stringify(path)} is not a ${kinds} of a run`);
  }
  return path;
}

const partPath =
  /^trials\/([^/]+)\/(?:model|checkpoints\/step-\d{6,}|episodes\/step-\d{6,}(?:-\d+)?\.bin|completions\/step-\d{6,}(?:-\d+)?\.parquet|samples\/step-\d{6,}\.jsonl)$/;

export function stacksFile(trial: string, nth: number): string {
  return `${runFiles.logs}/${checkedName(trial, "trial")}-stacks-${nth}.txt`;
}

export function samplesFile(trial: string, step: number): string {
  return `${trialFolder(trial)}/samples/${stepName(step)}.jsonl`;
}

/** @param step m, as the step's event has it */
export function textsFile(trial: string, step: number): string {
  return `${trialFolder(trial)}/texts/${stepName(step)}.jsonl`;
}

/** @param nth of this step, from 1, as for episodes */
export function completionsFile(trial: string, step: number, nth: number): string {
  return `${trialFolder(trial)}/completions/${nthName(step, nth)}.parquet`;
}

/** @param nth of this step, from 1: a step is done again when a run is taken up before it */
export function episodesFile(trial: string, step: number, nth: number): string {
  return `${trialFolder(trial)}/episodes/${nthName(step, nth)}.bin`;
}

function nthName(step: number, nth: number): string {
  return nth === 1 ? stepName(step) : `${stepName(step)}-${nth}`;
}

function stepName(step: number): string {
  return `step-${String(step).padStart(6, "0")}`;
}
