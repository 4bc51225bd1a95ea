/** `averse attach`: the dashboard of any run, live or over; lines or events where there is no screen. */
import type { JournalEntry } from "../experiment/event-head.js";
import type { JournalEvent } from "../experiment/events.js";
import { RecordError } from "../record/record-error.js";
import type { RunSource } from "../tui/run-source.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { leftRunText } from "./left-run.js";
import { PlainLines } from "./plain-lines.js";
import { readModel, stateText } from "./run-facts.js";
import { runFolder, runWord } from "./run-folder.js";
import { AttachedRun } from "./run-source.js";
import type { Terminal } from "./terminal.js";

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
      const { runDashboard } = await import("../tui/dashboard/dashboard.js");
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
