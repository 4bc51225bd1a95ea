/**
 * The launcher at work: keys and news go into the pure state, what has to be done goes to the
 * ports. It ends when the user leaves, or when the terminal is needed for a run's dashboard.
 */

import type { KeyPress } from "../key-press.js";
import type { ViewStyle } from "../line.js";
import { launcherScroll, type TerminalSize } from "./launcher-lines.js";
import type { LauncherPorts } from "./launcher-ports.js";
import {
  type Effect,
  failed,
  foundExperiments,
  foundRuns,
  type LauncherState,
  launcherAfterKey,
  notified,
  readComparison,
  refusedStart,
  startedRun,
} from "./launcher-state.js";

export type LauncherEnd =
  | { readonly kind: "quit" }
  | { readonly kind: "open"; readonly run: string };

export interface SessionSurroundings {
  readonly ports: LauncherPorts;
  readonly size: () => TerminalSize;
  readonly style: ViewStyle;
  /** The state has changed. */
  readonly changed: () => void;
}

export class LauncherSession {
  /** Settles once. */
  readonly ended: Promise<LauncherEnd>;
  #end!: (end: LauncherEnd) => void;
  #reading = false;
  #over = false;

  constructor(
    public state: LauncherState,
    private readonly around: SessionSurroundings,
  ) {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  key(press: KeyPress): void {
    if (this.#over) {
      return;
    }
    const { ports, size, style } = this.around;
    const mostScroll = launcherScroll(this.state, size(), style);
    const { state, effect } = launcherAfterKey(this.state, press, {
      check: ports.check,
      mostScroll,
    });
    this.#become(state);
    if (effect !== null) {
      this.#carryOut(effect);
    }
  }

  /** Reads experiments and runs again; while it does, further calls come to nothing. */
  async refresh(): Promise<void> {
    if (this.#reading || this.#over) {
      return;
    }
    this.#reading = true;
    const { ports } = this.around;
    try {
      try {
        this.#become(foundRuns(this.state, await ports.runs()));
      } catch (error) {
        // Experiments can be looked at all the same.
        const known = foundRuns(this.state, this.state.list.runs ?? []);
        this.#become(notified(known, reasonOf(error)));
      }
      const experiments = await ports.experiments();
      this.#become(foundExperiments(this.state, experiments));
    } catch (error) {
      this.#become(notified(this.state, reasonOf(error)));
    } finally {
      this.#reading = false;
    }
  }

  #carryOut(effect: Effect): void {
    const { ports } = this.around;
    switch (effect.kind) {
      case "quit":
      case "open":
        this.#leave(effect);
        return;
      case "start":
        ports.start(effect.experiment, effect.overrides).then(
          (run) => {
            this.#become(startedRun(this.state, run));
            this.#leave({ kind: "open", run });
          },
          (error: unknown) => this.#become(refusedStart(this.state, reasonOf(error))),
        );
        return;
      case "compare":
        ports.compare(effect.runs).then(
          (runs) => this.#become(readComparison(this.state, runs)),
          (error: unknown) => this.#become(failed(this.state, reasonOf(error))),
        );
    }
  }

  #leave(end: LauncherEnd): void {
    this.#over = true;
    this.#end(end);
  }

  #become(state: LauncherState): void {
    // What comes in after the end is kept for the next time, but not drawn.
    this.state = state;
    if (!this.#over) {
      this.around.changed();
    }
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
