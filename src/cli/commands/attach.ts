/** `averse attach`: the dashboard of any run, live or over; lines or events where there is no screen. */
import type { JournalEntry } from "../../journal/event-head.js";
import type { JournalEvent } from "../../journal/events.js";
import type { RunSource } from "../../run-model/run-source.js";
import { RecordError } from "../../system/record-error.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { readModel, stateText } from "../lookup/run-facts.js";
import { runFolder, runWord } from "../lookup/runs.js";
import { leftRunText } from "../run/left-run.js";
import { PlainLines } from "../run/plain-lines.js";
import { AttachedRun } from "../run/run-source.js";
import type { Terminal } from "../terminal.js";

export interface AttachOptions {
  readonly runs: string;
  readonly json: boolean;
  readonly plain: boolean;
}

/** @throws {UserError} there is no such run */
export async function attach(
  name: string,
  options: AttachOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const folder = runFolder(name, options.runs);
  const exit = await attachTo(folder, options, terminal);
  if (hasView(options, terminal)) {
    try {
      terminal.out(leftRunText(folder, terminal));
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      terminal.err(error.message);
    }
  }
  return exit;
}

/** A screen of its own, not lines or events. */
function hasView(
  { json, plain }: Pick<AttachOptions, "json" | "plain">,
  { hasScreen }: Terminal,
): boolean {
  return hasScreen && !json && !plain;
}

/** @throws {RecordError} its record is damaged */
export async function attachTo(
  folder: string,
  options: Pick<AttachOptions, "json" | "plain">,
  terminal: Terminal,
): Promise<ExitCode> {
  const run = await AttachedRun.open(folder);
  try {
    if (options.json) {
      await follow(run, (entry) => terminal.out(JSON.stringify(run.event(entry))));
    } else if (!hasView(options, terminal)) {
      await tell(run, terminal);
    } else {
      // Ink and React are loaded here, and where a run has the terminal itself.
      const { runDashboard } = await import("../../tui/dashboard/dashboard.js");
      const { color, unicode } = terminal;
      const { stdin, stdout } = process;
      await runDashboard(run, { stdin, stdout, color, unicode, word: runWord(folder) });
    }
  } finally {
    run.close();
  }
  return exitCode.done;
}

/** How it stands, and then a line for what comes. */
async function tell(run: RunSource, terminal: Terminal): Promise<void> {
  const lines = new PlainLines();
  const now = () => performance.now() / 1000;
  const lineOf = ({ head }: JournalEntry) =>
    lines.lineOf({ kind: "event", event: head as JournalEvent }, now());
  const model = readModel(run);
  lines.expect(model.trials);
  terminal.out(stateText(run.directory, model));
  await follow(
    run,
    (entry) => {
      const line = lineOf(entry);
      if (line !== null) terminal.out(line);
    },
    (progress) => {
      const line = lines.lineOf(progress, now());
      if (line !== null) terminal.out(line);
    },
  );
}

/** Tells all that is in the journal and all that comes, until nobody runs the run any more. */
function follow(
  run: RunSource,
  onEntry: (entry: JournalEntry) => void,
  onProgress: Parameters<RunSource["listen"]>[0]["progress"] = () => {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false;
    const read = () => {
      try {
        for (const entries of run.read()) entries.forEach(onEntry);
      } catch (error) {
        end(() => reject(error));
      }
    };
    const end = (settle: () => void) => {
      if (over) return;
      over = true;
      unlisten();
      settle();
    };
    const closed = () => {
      read();
      end(resolve);
    };
    const unlisten = run.listen({
      journal: () => {
        if (!over) read();
      },
      progress: onProgress,
      closed,
    });
    if (run.live) read();
    else closed();
  });
}
