/** The launcher on a terminal: a screen of its own, left while a run's dashboard has the terminal. */
import type { InkScreen, InkScreenOptions } from "../ink-screen.js";
import type { ViewStyle } from "../line.js";
import { loadInk } from "../load-ink.js";
import { launcherLines } from "./launcher-lines.js";
import type { LauncherPorts } from "./launcher-ports.js";
import { type LauncherEnd, LauncherSession, reasonOf } from "./launcher-session.js";
import { emptyLauncher, type LauncherState, notified } from "./launcher-state.js";

export interface LauncherTerminal {
  /** Terminals. */
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly color: boolean;
  readonly unicode: boolean;
  /** Default: the alternate screen, with Ink. */
  readonly openScreen?: (options: InkScreenOptions) => InkScreen;
}

/** Experiments and runs are looked at again so often. */
const refreshMs = 1000;

/**
 * Shows the launcher until the user leaves it, or the terminal is gone. Runs that were started go
 * on.
 *
 * @throws {Error} the screen cannot be opened; the terminal is as it was
 */
export async function runLauncher(ports: LauncherPorts, terminal: LauncherTerminal): Promise<void> {
  const openScreen = terminal.openScreen ?? (await loadInk()).openInkScreen;
  let state = emptyLauncher;
  for (;;) {
    const shown = await showLauncher(state, ports, terminal, openScreen);
    if (shown.end.kind === "quit") {
      return;
    }
    state = shown.state;
    try {
      await ports.open(shown.end.run);
    } catch (error) {
      state = notified(state, reasonOf(error));
    }
  }
}

/** Until it is left, or until a run is to be opened. */
async function showLauncher(
  before: LauncherState,
  ports: LauncherPorts,
  terminal: LauncherTerminal,
  openScreen: (options: InkScreenOptions) => InkScreen,
): Promise<{ readonly state: LauncherState; readonly end: LauncherEnd }> {
  const { stdin, stdout, color, unicode } = terminal;
  const style: ViewStyle = { color, unicode };
  let drawing: NodeJS.Immediate | null = null;
  const draw = (): void => {
    drawing = null;
    screen.draw(launcherLines(session.state, screen.size(), new Date(), style));
  };
  // Keys that come in one piece make one frame.
  const changed = (): void => {
    drawing ??= setImmediate(draw);
  };
  const screen = openScreen({
    stdin,
    stdout,
    style,
    endsOnSignals: true,
    onKey: (key) => session.key(key),
    onDisturbed: changed,
    onLost: () => session.key({ kind: "named", name: "ctrl-c" }),
  });
  const session = new LauncherSession(before, { ports, size: () => screen.size(), style, changed });
  const timer = setInterval(() => void session.refresh(), refreshMs);
  try {
    draw();
    void session.refresh();
    const end = await session.ended;
    return { state: session.state, end };
  } finally {
    clearInterval(timer);
    if (drawing !== null) {
      clearImmediate(drawing);
    }
    screen.leave();
  }
}
