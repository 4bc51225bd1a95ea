/** `averse report`: report.html and report.md, made again from the run's journal. */
import { type ExitCode, exitCode } from "../failure-text.js";
import { runFolder } from "../lookup/runs.js";
import { writeReports } from "../run/report-files.js";
import type { Terminal } from "../terminal.js";

export interface ReportCommandOptions {
  readonly runs: string;
  readonly json: boolean;
  readonly showText: boolean;
}

export async function report(
  run: string,
  options: ReportCommandOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const folder = runFolder(run, options.runs);
  const files = await writeReports(folder, options);
  terminal.out(options.json ? JSON.stringify({ run: folder, files }) : files.join("\n"));
  return exitCode.done;
}
