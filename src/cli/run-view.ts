/** How a run is watched: the live view on a terminal, lines elsewhere, events under --json. */
import type { Observer } from "../experiment/observation.js";
import { PlainLines } from "./plain-lines.js";
import type { Terminal } from "./terminal.js";

export interface RunView {
  readonly observe: Observer;
  /** The reader asked to stop. */
  stopping(how: "stop" | "halt"): void;
  /** Leaves the terminal as it was. */
  end(): void;
}

const stopText = {
  stop: "Stopping: the steps in hand are finished and checkpointed. Once more (Ctrl-C) breaks off at once.",
  halt: "Breaking off.",
} as const;

/** @param write where lines go: stdout, or stderr when stdout carries events */
export function plainView(write: (line: string) => void): RunView {
  const lines = new PlainLines();
  return {
    observe: (observation) => {
      const line = lines.lineOf(observation, performance.now() / 1000);
      if (line !== null) write(line);
    },
    stopping: (how) => write(stopText[how]),
    end: () => {},
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
