/** The run that is to be run again: its manifest, its journal where there is one, its settings. */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { judgeHistories, judgeResults, type Reproduction } from "../../analysis/reproduction.js";
import { plannedEvents, runHistory } from "../../analysis/run-history.js";
import { resolvedExperiment } from "../../config/resolved-experiment.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { planTrials } from "../../config/trials.js";
import type { JournalEvent } from "../../journal/events.js";
import { readEntries, readJournal } from "../../journal/reader.js";
import { evaluationDigest } from "../../store/evaluation-file.js";
import {
  configHash,
  type Manifest,
  readManifest,
  readManifestFile,
} from "../../store/manifest/manifest.js";
import { runFiles } from "../../store/paths.js";
import { RecordError } from "../../system/record-error.js";
import { exitCode, UserError } from "../failure-text.js";
import { runFolder } from "../lookup/runs.js";

export interface OriginalRun {
  /** As the user finds it. */
  readonly place: string;
  readonly manifest: Manifest;
  readonly experiment: Experiment;
  /** Run folder; null: only the manifest is there. */
  readonly folder: string | null;
}

/**
 * The record that a second run will be compared with is checked now, not when that is over.
 *
 * @param name a run as for other commands, or the path of a manifest
 * @throws {UserError} there is none, it is not done, or another version of the program wrote it; of
 *   exit 4: its manifest, journal or evaluation is damaged
 */
export async function originalRun(name: string, runs: string): Promise<OriginalRun> {
  try {
    return await intactRun(name, runs);
  } catch (error) {
    if (error instanceof RecordError && error.reason === "damaged") {
      const why = "there is no intact run to compare with, so none was started";
      const text = `${error.message}: ${why}. \`averse verify\` checks the whole run.`;
      throw new UserError(text, exitCode.verification, { cause: error });
    }
    throw error;
  }
}

async function intactRun(name: string, runs: string): Promise<OriginalRun> {
  const file = isFile(name) ? name : null;
  const folder = file === null ? runFolder(name, runs) : dirname(file);
  const manifest = file === null ? readManifest(folder) : readManifestFile(file);
  const place = file ?? folder;
  if (manifest.outcome !== "done") {
    throw new UserError(
      `${place} has no results to compare with: the run ${
        manifest.outcome === null ? "is not over" : `was ${manifest.outcome}`
      }. Continue it with \`averse resume\`; reproduce it when it is done.`,
    );
  }
  const experiment = resolvedExperiment(manifest.config);
  if (typeof experiment === "string" || configHash(experiment) !== manifest.config_hash) {
    const why = typeof experiment === "string" ? experiment : "config_hash does not match";
    throw new UserError(
      `this version of Averse cannot read the configuration in ${place} (${why}). ` +
        `Use the version that wrote it, ${manifest.versions.averse ?? "which is not recorded"}.`,
    );
  }
  const whole = existsSync(join(folder, runFiles.journal));
  if (whole) {
    for await (const _ of itsOwnJournal(folder, manifest));
    requireItsEvaluation(folder, manifest);
  }
  return { place, manifest, experiment, folder: whole ? folder : null };
}

/** @param again folder of the second run, which is done */
export async function judge(original: OriginalRun, again: string): Promise<Reproduction> {
  const { manifest, experiment, folder } = original;
  const planned = planTrials(experiment);
  const trials = planned.map(({ id }) => id);
  if (folder === null) {
    return judgeResults(trials, manifest.results.trials, readManifest(again).results.trials);
  }
  const was = await runHistory(trials, plannedEvents(planned, itsOwnJournal(folder, manifest)));
  const is = await runHistory(trials, plannedEvents(planned, readJournal(again)));
  return judgeHistories(was, is);
}

/** @throws {RecordError} `damaged`: another journal than the one that the manifest tells of */
async function* itsOwnJournal(folder: string, { results }: Manifest): AsyncGenerator<JournalEvent> {
  let last = "";
  for await (const { event, checksum } of readEntries(folder)) {
    last = checksum;
    yield event;
  }
  if (last !== results.journal?.checksum) {
    throw new RecordError(
      "damaged",
      `${join(folder, runFiles.journal)} does not match ${runFiles.manifest}: ` +
        `it ends with checksum ${last}; expected ${results.journal?.checksum}`,
    );
  }
}

/** @throws {RecordError} `damaged`: another evaluation than the one that the manifest tells of */
function requireItsEvaluation(folder: string, { results }: Manifest): void {
  const found = evaluationDigest(folder);
  if (found !== results.evaluation_sha256) {
    const path = join(folder, runFiles.evaluation);
    const is = found === null ? "is missing" : `has sha256 ${found}`;
    const wanted = results.evaluation_sha256 ?? "none";
    throw new RecordError("damaged", `${path} ${is}; ${runFiles.manifest} records ${wanted}`);
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
