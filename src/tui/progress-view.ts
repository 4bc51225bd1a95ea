/**
 * The compact view of a run on a terminal. Observations are folded at once; frames are drawn a few
 * times a second, so that a fast run costs no more than a slow one.
 */
import type { Observation, Observer } from "../experiment/observation.js";
import { safeText } from "../report/safe-text.js";
import type { ViewStyle } from "./line.js";
import { progressLines } from "./progress-lines.js";
import { afterObservation, startProgress } from "./progress-state.js";
import type { Screen } from "./screen.js";
import type { PlannedTrial } from "./trial-progress.js";

export interface ProgressViewOptions {
  /** A terminal. */
  readonly stdout: NodeJS.WriteStream;
  /** The experiment's. */
  readonly name: string;
  readonly trials: readonly PlannedTrial[];
  /** Trials that work side by side. */
  readonly parallel: number;
  /** False: no colour, no bold; NO_COLOR is the caller's to read. */
  readonly color: boolean;
  readonly unicode: boolean;
  /** Seconds, monotonic; default: of the process. */
  readonly now?: () => number;
}

export interface ProgressView {
  readonly observe: Observer;
  /** Tells at once that a stop was asked for; the journal's event may come later. */
  stopping(how: "after-step" | "now"): void;
  /** Writes a line above the frame. Anything else that writes to the terminal tears the frame. */
  print(text: string): void;
  /** Draws the last frame and gives the terminal back; safe to call twice. */
  stop(): Promise<void>;
}

const frameMs = 200;

export function startProgressView(options: ProgressViewOptions): ProgressView {
  const { stdout, name, trials, parallel } = options;
  const now = options.now ?? (() => performance.now() / 1000);
  const style: ViewStyle = { unicode: options.unicode, color: options.color };
  let state = startProgress(name, trials, parallel, now());
  let screen: Screen | null = null;
  let over = false;

  const draw = (): void => {
    const size = { columns: stdout.columns || 80, rows: stdout.rows || 24 };
    screen?.draw(progressLines(state, size, now(), style));
  };
  // The timer alone must not keep the process alive.
  const timer = setInterval(draw, frameMs).unref();
  const opening = loadScreen()
    .then((openScreen) => {
      if (!over) {
        screen = openScreen(stdout, style);
        draw();
      }
    })
    // The run goes on without its view: hours of training must not end for a picture of them.
    .catch((error: unknown) => {
      stdout.write(`no live view: ${safeText(String(error))}\n`);
    });

  return {
    observe: (observation: Observation) => {
      state = afterObservation(state, observation, now());
    },
    stopping: (how) => {
      state = { ...state, stopping: how };
      draw();
    },
    print: (text) => {
      if (screen === null) {
        stdout.write(`${text}\n`);
      } else {
        screen.print(text);
      }
    },
    stop: async () => {
      if (over) {
        return await opening;
      }
      over = true;
      clearInterval(timer);
      draw();
      const leaving = screen?.leave();
      screen = null;
      await opening;
      await leaving;
    },
  };
}

/** React's development build keeps a record of every render: a day-long run must not grow by it. */
async function loadScreen(): Promise<typeof import("./screen.js").openScreen> {
  process.env.NODE_ENV ??= "production";
  const { openScreen } = await import("./screen.js");
  return openScreen;
}
