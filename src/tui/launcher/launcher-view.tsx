/** The launcher at work: keys and news go into its state, what they ask for goes to the ports. */
import { type ReactElement, useEffect, useReducer, useRef } from "react";
import { useEachNew } from "../terminal/each-new.js";
import type { KeyPress } from "../terminal/keys.js";
import { useKeys, useTerminalSize, useViewStyle } from "../terminal/terminal-context.js";
import type { LauncherPorts } from "./launcher-ports.js";
import { LauncherScreen, launcherScroll } from "./launcher-screen.js";
import {
  failed,
  foundExperiments,
  foundRuns,
  type LauncherEffect,
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

export interface LauncherProps {
  readonly ports: LauncherPorts;
  /** As it was left. */
  readonly before: LauncherState;
  readonly onEnd: (end: LauncherEnd, state: LauncherState) => void;
}

/** For callers that load React only here. */
export function launcherOf(props: LauncherProps): ReactElement {
  return <Launcher {...props} />;
}

/** A key, or what has happened outside. */
type EventPayload = KeyPress | ((state: LauncherState) => LauncherState);

interface Launching {
  readonly state: LauncherState;
  /** All that keys have asked for since the screen was opened. */
  readonly effects: readonly LauncherEffect[];
}

export function Launcher({ ports, before, onEnd }: LauncherProps): ReactElement {
  const size = useTerminalSize();
  const style = useViewStyle();
  const after = ({ state, effects }: Launching, eventPayload: EventPayload): Launching => {
    if (typeof eventPayload === "function") {
      return { state: eventPayload(state), effects };
    }
    const mostScroll = launcherScroll(state, size, style);
    const { check } = ports;
    const step = launcherAfterKey(state, eventPayload, { check, mostScroll });
    return {
      state: step.state,
      effects: step.effect === null ? effects : [...effects, step.effect],
    };
  };
  const [{ state, effects }, happen] = useReducer(after, { state: before, effects: [] });
  const newest = useRef(state);
  newest.current = state;
  useKeys(happen);
  useRefresh(ports, happen);
  useEachNew(effects, (effect) => {
    switch (effect.kind) {
      case "quit":
      case "open":
        onEnd(effect, newest.current);
        return;
      case "start":
        ports.start(effect.experiment, effect.overrides).then(
          (run) => onEnd({ kind: "open", run }, startedRun(newest.current, run)),
          (error: unknown) => happen((now) => refusedStart(now, reasonOf(error))),
        );
        return;
      case "annotate":
        ports.annotate(effect.run, effect.notes).then(
          () => reread(ports, happen),
          (error: unknown) => happen((now) => notified(now, reasonOf(error))),
        );
        return;
      case "remove":
        ports.remove(effect.run).then(
          () => reread(ports, happen),
          (error: unknown) => happen((now) => notified(now, reasonOf(error))),
        );
        return;
      case "compare":
        ports.compare(effect.runs).then(
          (runs) => happen((now) => readComparison(now, runs)),
          (error: unknown) => happen((now) => failed(now, reasonOf(error))),
        );
    }
  });
  return <LauncherScreen state={state} now={new Date()} />;
}

/** At once: what was changed is to be seen. */
async function reread(
  ports: LauncherPorts,
  happen: (eventPayload: EventPayload) => void,
): Promise<void> {
  try {
    const runs = await ports.runs();
    happen((now) => foundRuns(now, runs));
  } catch (error) {
    happen((now) => notified(now, reasonOf(error)));
  }
}

/** Experiments and runs are looked at again so often. */
const refreshMs = 1000;

function useRefresh(ports: LauncherPorts, happen: (eventPayload: EventPayload) => void): void {
  useEffect(() => {
    let reading = false;
    const refresh = async (): Promise<void> => {
      if (reading) {
        return;
      }
      reading = true;
      try {
        const runs = await ports.runs();
        happen((now) => foundRuns(now, runs));
      } catch (error) {
        // Experiments can be looked at all the same.
        happen((now) => notified(foundRuns(now, now.list.runs ?? []), reasonOf(error)));
      }
      try {
        const experiments = await ports.experiments();
        happen((now) => foundExperiments(now, experiments));
      } catch (error) {
        happen((now) => notified(now, reasonOf(error)));
      }
      reading = false;
    };
    void refresh();
    const timer = setInterval(() => void refresh(), refreshMs);
    return () => clearInterval(timer);
  }, [ports, happen]);
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
