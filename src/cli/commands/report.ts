/** `averse report`: the report of a run, made again from its journal; or one over several runs. */
import { join } from "node:path";
import { readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { runFiles } from "../../store/paths.js";
import { runLetter } from "../../tui/compare/compared-rows.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { runFolder } from "../lookup/runs.js";
import { scaleOfRecord } from "../lookup/stored-run.js";
import { refuseRunFolder, writeReportFolder } from "../report-folder.js";
import { readReport, writeReports } from "../run/report-files.js";
import type { Terminal } from "../terminal.js";

export interface ReportCommandOptions {
  readonly runs: string;
  readonly json: boolean;
  readonly showText: boolean;
  /** Folder of a report over several runs. */
  readonly out?: string;
}

/** @throws {UserError} several runs without a folder for their report, or a folder for one */
export async function report(
  names: readonly string[],
  options: ReportCommandOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const folders = [...new Set(names.map((name) => runFolder(name, options.runs)))];
  const [folder] = folders;
  if (folders.length > 1 || options.out !== undefined) {
    const files = await writeSeveral(folders, options);
    terminal.out(options.json ? JSON.stringify({ runs: folders, files }) : files.join("\n"));
    return exitCode.done;
  }
  const files = await writeReports(folder!, options);
  terminal.out(options.json ? JSON.stringify({ run: folder, files }) : files.join("\n"));
  return exitCode.done;
}

async function writeSeveral(
  folders: readonly string[],
  { out, showText }: ReportCommandOptions,
): Promise<string[]> {
  if (out === undefined) {
    throw new UserError(
      "a report over several runs belongs to none of them: name a folder for it with --out DIR.",
    );
  }
  if (folders.length === 1) {
    throw new UserError(
      "--out DIR is for a report over several runs; that of one run is written into its folder.",
    );
  }
  if (showText) {
    throw new UserError("--show-text: a report over several runs has no texts; leave it out.");
  }
  refuseRunFolder(out, "--out");
  const inputs = [];
  for (const [place, folder] of folders.entries()) {
    const manifest = readManifest(folder);
    const experiment = recordedExperiment(manifest, folder);
    inputs.push({
      letter: runLetter(place, folders.length),
      report: await readReport(folder),
      path: join(folder, runFiles.reportHtml),
      scaleOf: (arm: string) => scaleOfRecord(manifest, experiment, arm),
    });
  }
  const { renderSeveral } = await import("../../report/several/render-several.js");
  return writeReportFolder(out, "--out", await renderSeveral(inputs));
}
