/** How a run is watched: the dashboard on a terminal, lines elsewhere, events under --json. */

import { fileURLToPath } from "node:url";
import type { Observer } from "../../engine/ports.js";
import type { RunSource } from "../../run-model/run-source.js";
import { safeText } from "../../text/safe-text.js";
import type { Terminal } from "../terminal.js";
import { PlainLines } from "./plain-lines.js";
import type { StopRequest } from "./stop-signals.js";

export interface RunView {
  readonly observe: Observer;
  /** The reader asked to stop. */
  stopping(how: StopRequest): void;
  /** A line of its own, without tearing what is drawn. */
  print(text: string): void;
  /** Called when the user leaves the view of a run that cannot continue without it, and so must stop. */
  onStopAsked(listener: () => void): void;
  /** Gives the terminal back. */
  end(): Promise<void>;
}

const stopText: Readonly<Record<StopRequest, string>> = {
  "after-step":
    "Stopping after the current iterations, with a checkpoint. Press Ctrl-C again to abort at once.",
  now: "Aborting.",
};

/** @param write where lines go: stdout, or stderr when stdout carries events */
export function plainView(write: (line: string) => void): RunView {
  const lines = new PlainLines();
  return {
    observe: (observation) => {
      const line = lines.lineOf(observation, performance.now() / 1000);
      if (line !== null) write(line);
    },
    stopping: (how) => write(stopText[how]),
    print: write,
    onStopAsked: () => {},
    end: async () => {},
  };
}

export function jsonView(terminal: Terminal): RunView {
  const plain = plainView((line) => terminal.err(line));
  return {
    ...plain,
    observe: (observation) => {
      if (observation.kind === "event") terminal.out(JSON.stringify(observation.event));
      plain.observe(observation);
    },
  };
}

/**
 * The dashboard of a run of this process. Once it is left, or fails, the run continues as lines.
 * Ink and React are loaded here, and in `attach`.
 */
export async function dashboardView(source: RunSource, terminal: Terminal): Promise<RunView> {
  const { startDashboard } = await import("../../tui/dashboard/dashboard.js");
  const { color, unicode } = terminal;
  const { stdin, stdout } = process;
  /** What was said while the dashboard had the terminal: shown again where it stays. */
  const said: string[] = [];
  const stopsSaid = new Set<StopRequest>();
  /** @returns null: already printed, since a stop may be requested by key and by signal */
  const stopWords = (how: StopRequest): string | null => {
    const words = stopsSaid.has(how) ? null : stopText[how];
    stopsSaid.add(how);
    return words;
  };
  const dashboard = startDashboard(source, {
    stdin,
    stdout,
    color,
    unicode,
    // The dashboard itself says what the key did; these words are for when it is gone.
    onTaken: (command) => {
      const words =
        command === "stop"
          ? stopWords("after-step")
          : command === "abort"
            ? stopWords("now")
            : null;
      if (words !== null) said.push(words);
    },
  });
  const lines = new PlainLines();
  let shown = true;
  const print = (line: string) => {
    if (shown) {
      said.push(line);
      dashboard.note(line);
    } else {
      terminal.out(line);
    }
  };
  const tellFault = (error: unknown) =>
    terminal.err(
      `the dashboard failed and was closed; the run continues: ${safeText(String(error))}`,
    );
  const releaseFaults = catchViewFaults((error) => {
    if (!dashboard.fail(error)) tellFault(error);
  });
  let stopAsked = () => {};
  const left = dashboard.outcome.then(
    (outcome) => {
      leave();
      if (outcome === "stop-asked") stopAsked();
    },
    (error: unknown) => {
      leave();
      tellFault(error);
    },
  );
  const leave = () => {
    shown = false;
    for (const line of said.splice(0)) terminal.out(line);
  };
  return {
    observe: (observation) => {
      const line = lines.lineOf(observation, performance.now() / 1000);
      if (!shown && line !== null) terminal.out(line);
    },
    stopping: (how) => {
      const words = stopWords(how);
      if (words !== null) print(words);
    },
    print,
    onStopAsked: (listener) => {
      stopAsked = listener;
    },
    end: async () => {
      dashboard.close();
      await left;
      releaseFaults();
    },
  };
}

/** Tells from the stack what threw: the view, its layout library, or the terminal's keys. */
const views = new URL("../../tui/", import.meta.url);
const traces = [
  views.href,
  fileURLToPath(views),
  // Only the view reads keys.
  "TTY.onStreamRead",
];
const libraries = /[\\/]node_modules[\\/](?:ink|react|react-reconciler|scheduler|yoga-layout)[\\/]/;

export function isFaultOfView(error: unknown): boolean {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return traces.some((trace) => stack.includes(trace)) || libraries.test(stack);
}

/**
 * An uncaught error of the view must not end the run that it shows. Passes on what is no
 * fault of the view to those who listen for uncaught exceptions.
 *
 * @returns gives them all back to Node
 */
function catchViewFaults(onFault: (error: unknown) => void): () => void {
  process.setUncaughtExceptionCaptureCallback((error) => {
    if (isFaultOfView(error)) {
      onFault(error);
    } else if (!process.emit("uncaughtException", error)) {
      throw error;
    }
  });
  return () => process.setUncaughtExceptionCaptureCallback(null);
}
