/** What a view says of its run on the normal screen, once it is left. */
import { basename, resolve } from "node:path";
import { JournalIndex } from "../../journal/journal-index.js";
import { readEvaluationIfAny } from "../../store/evaluation-file.js";
import { readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import type { Manifest } from "../../store/manifest/schema.js";
import { JournalSummary } from "../../store/progress-file.js";
import { holderOf } from "../../store/run-lock.js";
import { safeText } from "../../text/safe-text.js";
import { runWord } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";
import { failureAdvice, recordedFailure } from "./failure-advice.js";
import { resultText } from "./results.js";

/**
 * The run's state and how to continue it; of one that is done, its results.
 *
 * @throws {RecordError} its record cannot be read: the folder may be gone by now
 */
export function leftRunText(folder: string, terminal: Terminal): string {
  const manifest = readManifest(folder);
  const evaluation = manifest.outcome === "done" ? readEvaluationIfAny(folder) : null;
  return evaluation === null
    ? `${basename(resolve(folder))}: ${standing(folder, manifest)}`
    : `${resultText(evaluation, terminal)}\n\nrun     ${folder}`;
}

function standing(folder: string, manifest: Manifest): string {
  const { outcome, message } = manifest;
  const run = runWord(folder);
  const resumes = `\`averse resume ${run}\` continues from the last checkpoints.`;
  switch (outcome) {
    case "done":
      return "done.";
    case "failed":
      return `failed: ${safeText(message ?? "").replace(/[.\s]+$/, "")}. ${advice(folder, manifest, resumes)}`;
    case "interrupted":
      return `interrupted; ${resumes}`;
    case null:
      return holderOf(folder) === null
        ? `its controller died; ${resumes}`
        : `${goingOn(folder)} \`averse attach ${run}\` shows it again.`;
  }
}

function advice(folder: string, manifest: Manifest, resumes: string): string {
  const entries = [...new JournalIndex(folder).read()].flat();
  const failure = recordedFailure(entries.map(({ head }) => head));
  return failure === null
    ? resumes
    : failureAdvice(failure, recordedExperiment(manifest, folder), manifest.command, resumes);
}

function goingOn(folder: string): string {
  switch (new JournalSummary(folder).read().state) {
    case "paused":
      return `paused; \`averse continue ${runWord(folder)}\` continues it.`;
    case "stopping":
      return "stops after the current iterations.";
    default:
      return "still running.";
  }
}
