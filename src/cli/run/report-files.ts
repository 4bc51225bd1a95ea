/** report.html and report.md of a run, rendered from its record and written into its folder. */

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { aggregate } from "../../analysis/aggregate.js";
import type { Experiment } from "../../config/schema/experiment.js";
import type { JournalEvent } from "../../journal/events.js";
import { readJournalSoFar } from "../../journal/reader.js";
import { renderReport } from "../../report/render-report.js";
import type { RunDescription, SampleText } from "../../report/report-data.js";
import { writeWithDigests } from "../../store/digest-list.js";
import { type Manifest, readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { digestListOf, runFiles } from "../../store/paths.js";
import { RecordError } from "../../system/record-error.js";
import { formatNumber } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import { shellLine } from "../command-line.js";

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
  const experiment = recordedExperiment(manifest, folder);
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

/* The texts that an evaluation kept for reading. */

const sample = z.object({
  prompt: z.int(),
  text: z.string(),
  completion: z.string(),
  reward: z.number().nullable(),
});

/**
 * @param run the run folder
 * @param file relative to it, as the event of the evaluation names it
 */
export function readSamples(run: string, trial: string, file: string): SampleText[] {
  const path = join(run, file);
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.flatMap((line, index) => {
    if (line === "") return [];
    const result = sample.safeParse(parsed(line));
    if (!result.success) throw new RecordError("damaged", `${path}, line ${index + 1}: no sample`);
    return [{ trial, ...result.data }];
  });
}

/** For the terminal, shown on request only: texts may be offensive. */
export function sampleLines(samples: readonly SampleText[]): string {
  const trials = [...new Set(samples.map(({ trial }) => trial))];
  return trials
    .map((trial) => {
      const own = samples.filter((one) => one.trial === trial);
      const lines = own.map(
        ({ text, completion, reward }) =>
          `  ${formatNumber(reward, 2).padStart(6)}  ${safeText(text)} ▸ ${safeText(completion)}`,
      );
      return [`${trial}: reward, prompt ▸ completion`, ...lines].join("\n");
    })
    .join("\n\n");
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
