/** report.html and report.md of a run, rendered from its record and written into its folder. */
import { basename, join } from "node:path";
import type { Experiment } from "../config/schema.js";
import { aggregate } from "../experiment/aggregate.js";
import type { JournalEvent } from "../experiment/events.js";
import { writeWithDigests } from "../record/digest-list.js";
import { readJournalSoFar } from "../record/journal-reader.js";
import { type Manifest, readManifest } from "../record/manifest.js";
import { experimentOf } from "../record/manifest-experiment.js";
import { digestListOf, runFiles } from "../record/run-paths.js";
import { renderReport } from "../report/render-report.js";
import type { RunDescription } from "../report/report-data.js";
import { shellLine } from "./command-line.js";
import { readSamples } from "./samples.js";

export interface ReportTextOptions {
  /** Sampled texts as they are, which may be offensive; else masked. */
  readonly showText: boolean;
}

/**
 * Also of a run that failed or goes on: what it has so far.
 *
 * @returns the files written
 * @throws {RecordError} the record is damaged, or the folder cannot be written
 */
export async function writeReports(folder: string, options: ReportTextOptions): Promise<string[]> {
  const manifest = readManifest(folder);
  const experiment = experimentOf(manifest);
  const events: JournalEvent[] = [];
  for await (const event of readJournalSoFar(folder)) events.push(event);
  const { html, markdown } = await renderReport(
    {
      run: description(folder, manifest, experiment),
      evaluation: aggregate(experiment, events),
      events,
      samples: events.flatMap((event) =>
        event.type === "evaluated" && event.final && event.samples !== null && event.trial !== null
          ? readSamples(folder, event.trial, event.samples)
          : [],
      ),
    },
    { showText: options.showText },
  );
  const files = { [runFiles.reportHtml]: html, [runFiles.reportMarkdown]: markdown };
  writeWithDigests(folder, digestListOf(runFiles.reportHtml), files);
  return Object.keys(files).map((name) => join(folder, name));
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
