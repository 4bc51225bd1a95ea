/** How a run ends: its report, the closing message and the exit code. */
import type { RunOutcome } from "../../engine/ports.js";
import { readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { workerLogFile } from "../../store/worker-log.js";
import { safeText } from "../../text/safe-text.js";
import { shellLine } from "../command-line.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import type { Terminal } from "../terminal.js";
import { failureAdvice } from "./failure-advice.js";
import { readSamples, resultText, sampleLines } from "./results.js";

export interface ConclusionOptions {
  readonly json: boolean;
  /** Sampled texts as they are, which may be offensive. */
  readonly showText: boolean;
  /** A run that failed before it had any result: its folder will be removed. */
  readonly removed?: boolean;
}

/**
 * @param folder of the run
 * @param samples trial → file of its final evaluation's texts, relative to the folder
 * @param unsaved trials that were interrupted before anything of them was saved
 */
export async function concludeRun(
  outcome: RunOutcome,
  folder: string,
  samples: ReadonlyMap<string, string>,
  options: ConclusionOptions,
  terminal: Terminal,
  unsaved: readonly string[] = [],
): Promise<ExitCode> {
  switch (outcome.outcome) {
    case "done": {
      const reports = await reportsOf(folder, options);
      if (options.json) {
        const { files } = reports;
        terminal.out(JSON.stringify({ type: "result", ...outcome, run: folder, reports: files }));
      } else {
        const parts = [resultText(outcome.evaluation, terminal)];
        if (options.showText) parts.push(sampleLines(shownSamples(folder, samples)));
        const files = reports.files.map((file) => `report  ${file}`);
        parts.push([`run     ${folder}`, ...files].join("\n"));
        terminal.out(`\n${parts.join("\n\n")}`);
      }
      if (reports.failure !== null) throw reports.failure;
      return exitCode.done;
    }
    case "interrupted":
      if (options.json) terminal.out(JSON.stringify({ type: "result", ...outcome, run: folder }));
      terminal.err(`Interrupted; ${resumeHint(folder)}${startsAgain(unsaved)}`);
      return exitCode.interrupted;
    case "failed": {
      const run = options.removed ? null : folder;
      if (options.json) terminal.out(JSON.stringify({ type: "result", ...outcome, run }));
      const { trial, message, kind } = outcome;
      const head = `${trial === null ? "" : `${trial}: `}${message.replace(/[.\s]+$/, "")}.`;
      const log = options.removed
        ? causeOf(outcome)
        : trial === null
          ? []
          : [`The worker's log is ${workerLogFile(folder, trial)}.`];
      const ill = kind === "lost" || kind === "environment";
      const hint = ill ? ["`averse doctor` checks what a worker needs."] : [];
      const manifest = readManifest(folder);
      const experiment = recordedExperiment(manifest, folder);
      const resume = options.removed ? null : resumeHint(folder);
      hint.push(failureAdvice(outcome, experiment, manifest.command, resume));
      terminal.err([[head, ...log, ...hint].join(" "), ...lastLines(outcome)].join("\n"));
      return kind === "input" ? exitCode.usage : exitCode.environment;
    }
  }
}

/** What an interruption costs: fine-tuning, say, is saved at its end alone. */
function startsAgain(unsaved: readonly string[]): string {
  if (unsaved.length === 0) return "";
  const again =
    unsaved.length === 1 ? "starts again: nothing of it" : "start again: nothing of them";
  return ` ${unsaved.join(", ")} ${again} was saved.`;
}

/** What a library said, where no log stays that has it: the last line of the first traceback. */
function causeOf({ detail }: Extract<RunOutcome, { outcome: "failed" }>): string[] {
  const [first = "", ...others] = (detail ?? "").split(
    "\nThe above exception was the direct cause",
  );
  const line = others.length === 0 ? "" : (first.trimEnd().split("\n").at(-1) ?? "");
  return line === "" ? [] : [`Cause: ${safeText(line).replace(/[.\s]+$/, "")}.`];
}

/** How many of a lost worker's last lines are shown; its log has them all. */
const shownLines = 5;

/** The message has the very last one already. */
function lastLines({ kind, detail }: Extract<RunOutcome, { outcome: "failed" }>): string[] {
  const lines = kind === "lost" ? (detail ?? "").split("\n") : [];
  if (lines.length < 2) return [];
  return ["The worker's last lines:", ...lines.slice(-shownLines).map((line) => `  ${line}`)];
}

/** How to continue a run that has not ended. */
export function resumeHint(folder: string): string {
  return `\`${shellLine(["resume", folder])}\` continues from the last checkpoints.`;
}

function shownSamples(folder: string, samples: ReadonlyMap<string, string>) {
  return [...samples].flatMap(([trial, file]) => readSamples(folder, trial, file));
}

/** The results are shown even where the report cannot be written: a disk may be full by now. */
async function reportsOf(
  folder: string,
  options: ConclusionOptions,
): Promise<{ files: readonly string[]; failure: unknown }> {
  try {
    // Loads the plotting library, which a run has no use for before.
    const { writeReports } = await import("./report-files.js");
    return { files: await writeReports(folder, options), failure: null };
  } catch (failure) {
    return { files: [], failure };
  }
}
