/** `averse attach`: the dashboard of any run, live or over; lines or events where there is no screen. */
import { basename } from "node:path";
import type { JournalEntry } from "../../journal/event-head.js";
import type { JournalEvent } from "../../journal/events.js";
import { isOver } from "../../run-model/run-model.js";
import type { RunSource } from "../../run-model/run-source.js";
import { RecordError } from "../../system/record-error.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
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

/**
 * @throws {RecordError} its record is damaged
 * @throws {UserError} lines or events were requested, and the unfinished run has no controller
 */
export async function attachTo(
  folder: string,
  options: Pick<AttachOptions, "json" | "plain">,
  terminal: Terminal,
): Promise<ExitCode> {
  const run = await AttachedRun.open(folder);
  try {
    if (!hasView(options, terminal)) {
      if (run.held && !run.live) terminal.err(unreachableText(folder));
      const ended = options.json
        ? await follow(run, (entry) => terminal.out(JSON.stringify(run.event(entry))))
        : await tell(run, terminal);
      if (!ended) throw new UserError(diedText(folder), exitCode.environment);
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

function unreachableText(folder: string): string {
  return (
    `${basename(folder)}: its controller cannot be reached from here; ` +
    "what it writes into the journal is shown until the run ends."
  );
}

function diedText(folder: string): string {
  return (
    `${basename(folder)}: its controller died; ` +
    `\`averse resume ${runWord(folder)}\` continues from the last checkpoints.`
  );
}

/** How it stands, and then a line for what comes. @returns as `follow` */
async function tell(run: RunSource, terminal: Terminal): Promise<boolean> {
  const lines = new PlainLines();
  const now = () => performance.now() / 1000;
  const lineOf = ({ head }: JournalEntry) =>
    lines.lineOf({ kind: "event", event: head as JournalEvent }, now());
  const model = readModel(run);
  lines.expect(model.trials);
  terminal.out(stateText(run.directory, model));
  // The model has read what there was: the last event is known from it.
  return follow(
    run,
    (entry) => {
      const line = lineOf(entry);
      if (line !== null) terminal.out(line);
    },
    (progress) => {
      const line = lines.lineOf(progress, now());
      if (line !== null) terminal.out(line);
    },
    isOver(model) && model.state !== "stopped",
  );
}

/**
 * Prints all events of the journal and all that follow, until no controller is running. Where
 * the controller cannot be reached (no socket, another machine), the journal is looked at again and
 * again; one that has ended there may keep its lock for ever, as far as can be seen from here, so
 * that the run's last event counts.
 *
 * @param finished what was read before says that the run is over
 * @returns whether the run has ended; false: its controller died
 */
function follow(
  run: RunSource,
  onEntry: (entry: JournalEntry) => void,
  onProgress: Parameters<RunSource["listen"]>[0]["progress"] = () => {},
  finished = false,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let over = false;
    let ended = finished;
    // Nothing else keeps the process where there is no socket.
    const awake = setInterval(() => {}, 60_000);
    const read = () => {
      try {
        for (const entries of run.read()) {
          entries.forEach(onEntry);
          const last = entries.at(-1);
          if (last !== undefined) ended = last.head.type === "run_finished";
        }
      } catch (error) {
        end(() => reject(error));
      }
    };
    const end = (settle: () => void) => {
      if (over) return;
      over = true;
      clearInterval(awake);
      unlisten();
      settle();
    };
    const grown = () => {
      if (over) return;
      read();
      if (ended && !run.live) end(() => resolve(ended));
    };
    const closed = () => {
      read();
      end(() => resolve(ended));
    };
    const unlisten = run.listen({ journal: grown, progress: onProgress, closed });
    if (run.held) grown();
    else closed();
  });
}
