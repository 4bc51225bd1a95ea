/** report.html and report.md of a run, rendered from its record and written into its folder. */

import { basename, join } from "node:path";
import { aggregate } from "../../analysis/aggregate.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { readEpisodesFile } from "../../journal/episodes-file.js";
import { type EventFigures, figuresOf } from "../../journal/event-head.js";
import type { StepEvent } from "../../journal/events.js";
import { readJournalSoFar } from "../../journal/reader.js";
import { renderReport } from "../../report/render-report.js";
import type { LastBatch, ReportInput, RunDescription } from "../../report/report-data.js";
import { writeWithDigests } from "../../store/digest-list.js";
import {
  type Manifest,
  missingEvents,
  readManifest,
  recordedExperiment,
} from "../../store/manifest/manifest.js";
import { checkedPath, digestListOf, runFiles } from "../../store/paths.js";
import { readTexts } from "../../store/texts-file.js";
import { RecordError } from "../../system/record-error.js";
import { shellLine } from "../command-line.js";
import { writing } from "../writable-place.js";
import { readSamples } from "./results.js";

export interface ReportTextOptions {
  /** Sampled texts as they are, which may be offensive; else masked. */
  readonly showText: boolean;
}

/**
 * Also of a run that failed or is still running: what it has so far.
 *
 * @returns the files written
 * @throws {RecordError} the record is damaged, or the folder cannot be written
 */
export async function writeReports(folder: string, options: ReportTextOptions): Promise<string[]> {
  const { html, markdown } = await renderReport(await readReport(folder), options);
  const files = { [runFiles.reportHtml]: html, [runFiles.reportMarkdown]: markdown };
  await writing("`averse serve` shows it in a browser and writes nothing.", () =>
    writeWithDigests(folder, digestListOf(runFiles.reportHtml), files),
  );
  return Object.keys(files).map((name) => join(folder, name));
}

/**
 * What a report of a run is made of, as its record has it now.
 *
 * @throws {RecordError} the record is damaged
 */
export async function readReport(folder: string): Promise<ReportInput> {
  const manifest = readManifest(folder);
  const experiment = recordedExperiment(manifest, folder);
  // A journal of 10,000 iterations is hundreds of megabytes of arrays, of which a report shows none.
  const events: EventFigures[] = [];
  const lastSteps = new Map<string, StepEvent>();
  for await (const event of readJournalSoFar(folder)) {
    events.push(figuresOf(event));
    if (event.type === "step" && event.trial !== null) {
      lastSteps.set(event.trial, event);
    }
  }
  // A report of what is left would take the place of the whole one.
  const missing = missingEvents(manifest, events.length);
  if (missing !== null) throw new RecordError("damaged", `${folder}: ${missing}`);
  return {
    run: description(folder, manifest, experiment),
    evaluation: aggregate(experiment, events),
    events,
    samples: events.flatMap((event) =>
      event.type === "evaluated" && event.final && event.samples !== null && event.trial !== null
        ? readSamples(folder, event.trial, event.samples)
        : [],
    ),
    lastBatches: [...lastSteps].map(([trial, step]) => lastBatch(folder, trial, step)),
  };
}

function lastBatch(folder: string, trial: string, event: StepEvent): LastBatch {
  const { step, episodes, groups } = event;
  const texts = readTexts(folder, trial, step);
  return { trial, step, completions: groups?.completions ?? 1, episodes: arraysOf(), texts };

  /** A report is more than its arrays: it says why a file of them cannot be read. */
  function arraysOf(): LastBatch["episodes"] {
    try {
      return "file" in episodes
        ? readEpisodesFile(join(folder, checkedPath(episodes.file)), episodes.sha256)
        : episodes;
    } catch (error) {
      if (error instanceof RecordError) return error.message;
      throw error;
    }
  }
}

function description(folder: string, manifest: Manifest, experiment: Experiment): RunDescription {
  const { started, git, hardware, versions } = manifest;
  return {
    id: basename(folder),
    started,
    experiment,
    command: [manifest.command, ["reproduce", folder]].map(shellLine).join("\n"),
    git: git === null ? null : { commit: git.commit, dirty: git.diff_sha256 !== null },
    hardware,
    versions: Object.fromEntries(
      Object.entries(versions).flatMap(([name, version]) =>
        version === null ? [] : [[name, version]],
      ),
    ),
  };
}
