/** How a run is watched: the live view on a terminal, lines elsewhere, events under --json. */
import type { JournalEvent } from "../experiment/events.js";
import type { Observer } from "../experiment/observation.js";
import type { Plan } from "../experiment/plan.js";
import { PlainLines } from "./plain-lines.js";
import type { StopRequest } from "./stop-signals.js";
import type { Terminal } from "./terminal.js";

export interface RunView {
  readonly observe: Observer;
  /** An event of the time before this controller took up the run. */
  recall(event: JournalEvent): void;
  /** The reader asked to stop. */
  stopping(how: StopRequest): void;
  /** A line of its own, without tearing what is drawn. */
  print(text: string): void;
  /** Gives the terminal back. */
  end(): Promise<void>;
}

const stopText: Readonly<Record<StopRequest, string>> = {
  "after-step":
    "Stopping: steps in hand are finished and checkpointed. Once more (Ctrl-C) breaks off at once.",
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
    recall: () => {},
    stopping: (how) => write(stopText[how]),
    print: write,
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

/** Ink and React are loaded here, and only here. */
export async function liveView(plan: Plan, terminal: Terminal): Promise<RunView> {
  const { startProgressView } = await import("../tui/progress-view.js");
  const { name, trials, parallel } = plan;
  const { color, unicode } = terminal;
  const stdout = process.stdout;
  const view = startProgressView({ stdout, name, trials, parallel, color, unicode });
  return { ...view, recall: (event) => view.observe({ kind: "event", event }), end: view.stop };
}
