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
  /** Tells when the reader left the view of a run that can only go on in it, and so is to stop. */
  onStopAsked(listener: () => void): void;
  /** Gives the terminal back. */
  end(): Promise<void>;
}

const stopText: Readonly<Record<StopRequest, string>> = {
  "after-step":
    "Stopping: steps in hand are finished and checkpointed. Once more (Ctrl-C) aborts at once.",
  now: "Breaking off.",
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
 * The dashboard of a run of this process. Once it is left, or cannot go on, lines tell of the run.
 * Ink and React are loaded here, and in `attach`.
 */
export async function dashboardView(source: RunSource, terminal: Terminal): Promise<RunView> {
  const { startDashboard } = await import("../../tui/dashboard/dashboard.js");
  const { color, unicode } = terminal;
  const { stdin, stdout } = process;
  /** What was said while the dashboard had the terminal: shown again where it stays. */
  const said: string[] = [];
  const stopsSaid = new Set<StopRequest>();
  /** @returns null: it was said before, the stop being asked for by key and by signal */
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
    terminal.err(`the view has ended, the run goes on: ${safeText(String(error))}`);
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

/** Who threw an error is told by its stack: the view, its layout library, or the terminal's keys. */
const views = new URL("../../tui/", import.meta.url);
const traces = [
  views.href,
  fileURLToPath(views),
  // Keys reach nobody but the view.
  "TTY.onStreamRead",
];
const libraries = /[\\/]node_modules[\\/](?:ink|react|react-reconciler|scheduler|yoga-layout)[\\/]/;

export function isFaultOfView(error: unknown): boolean {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return traces.some((trace) => stack.includes(trace)) || libraries.test(stack);
}

/**
 * A fault of the view that nobody caught must not end the run that is watched. Passes on what is no
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
