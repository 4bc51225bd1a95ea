/** The launcher on a terminal: a screen of its own, left while a run's dashboard has the terminal. */
import { openView, type ViewOptions } from "../terminal/view.js";
import type { LauncherPorts } from "./launcher-ports.js";
import { emptyLauncher, type LauncherState, notified } from "./launcher-state.js";
import type { LauncherEnd } from "./launcher-view.js";

export interface LauncherTerminal extends Pick<ViewOptions, "stdin" | "stdout"> {
  readonly color: boolean;
  readonly unicode: boolean;
}

/**
 * Shows the launcher until the user leaves it, or the terminal is gone. Runs that were started go
 * on.
 *
 * @throws {Error} the screen cannot be opened, or what is on it failed; the terminal is as it was
 */
export async function runLauncher(ports: LauncherPorts, terminal: LauncherTerminal): Promise<void> {
  let state = emptyLauncher;
  for (;;) {
    const shown = await showLauncher(state, ports, terminal);
    if (shown.end.kind === "quit") {
      return;
    }
    state = shown.state;
    try {
      await ports.open(shown.end.run);
    } catch (error) {
      state = notified(state, error instanceof Error ? error.message : String(error));
    }
  }
}

interface Shown {
  readonly end: LauncherEnd;
  readonly state: LauncherState;
}

/** Until it is left, or until a run is to be opened. */
async function showLauncher(
  before: LauncherState,
  ports: LauncherPorts,
  { stdin, stdout, color, unicode }: LauncherTerminal,
): Promise<Shown> {
  let leave = (): void => {};
  try {
    return await new Promise<Shown>((resolve, reject) => {
      const onEnd = (end: LauncherEnd, state: LauncherState): void => resolve({ end, state });
      const view = openView({
        stdin,
        stdout,
        style: { color, unicode },
        endsOnSignals: true,
        onLost: () => onEnd({ kind: "quit" }, before),
        onFault: reject,
        load: async () => {
          const { launcherOf } = await import("./launcher-view.js");
          return launcherOf({ ports, before, onEnd });
        },
      });
      leave = view.leave;
    });
  } finally {
    leave();
  }
}
