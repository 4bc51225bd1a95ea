/** The dashboard: what the run tells and what its reader presses, on one screen. */
import {
  type ReactElement,
  useEffect,
  useLayoutEffect,
  useReducer,
  useSyncExternalStore,
} from "react";
import type { RunModel } from "../../run-model/run-model.js";
import { useEachNew } from "../terminal/each-new.js";
import type { KeyPress } from "../terminal/keys.js";
import { useKeys, useTerminalSize, useViewStyle } from "../terminal/terminal-context.js";
import { afterKey } from "./after-key.js";
import { commandStates } from "./command-words.js";
import { DashboardScreen } from "./dashboard-screen.js";
import { factsOf } from "./facts.js";
import { layoutOf } from "./layout.js";
import type { RunFeed, RunSnapshot } from "./run-feed.js";
import { readScene, type Scene } from "./scene.js";
import {
  type DashboardEffect,
  type DashboardNotice,
  firstView,
  type ViewFacts,
  type ViewState,
} from "./view-state.js";

export interface DashboardProps {
  readonly feed: RunFeed;
  /** The run as commands take it. */
  readonly word: string;
  /** @returns what the reader is told; null: nothing */
  readonly onEffect: (effect: DashboardEffect) => Promise<DashboardNotice | null>;
}

/** For callers that load React only here. */
export function dashboardOf(props: DashboardProps): ReactElement {
  return <Dashboard {...props} />;
}

export function Dashboard({ feed, word, onEffect }: DashboardProps): ReactElement {
  const size = useTerminalSize();
  const style = useViewStyle();
  const run = useRunModel(feed);
  const { experiment, foreground, directory } = feed.source;
  const sceneOf = (view: ViewState): Scene => {
    const scene = { ...run, view, experiment, foreground, directory, word };
    return { ...scene, reading: readScene(scene, layoutOf(size, view), feed.reader) };
  };
  const view = useView(run, onEffect, (now) => factsOf(sceneOf(now), size, style));
  return <DashboardScreen scene={sceneOf(view)} />;
}

/** The run from moment to moment; the feed hears when a frame of it stands on the screen. */
function useRunModel(feed: RunFeed): RunSnapshot {
  const run = useSyncExternalStore(feed.subscribe, feed.snapshot);
  useLayoutEffect(() => feed.frameDrawn());
  return run;
}

interface Viewing {
  readonly view: ViewState;
  /** Seconds since 1970: the view's notice goes. */
  readonly noticeUntil: number;
  /** All that keys have asked for since the view was opened. */
  readonly effects: readonly DashboardEffect[];
}

type EventPayload =
  | { readonly kind: "key"; readonly key: KeyPress }
  | { readonly kind: "told"; readonly notice: DashboardNotice }
  | { readonly kind: "clock"; readonly now: number }
  | { readonly kind: "state"; readonly state: RunModel["state"] };

/** What became of a command is shown so long, in seconds, unless a key comes before. */
const noticeSeconds = 8;

/** The reader's view, moved by keys; what they ask for is carried out. */
function useView(
  run: RunSnapshot,
  onEffect: DashboardProps["onEffect"],
  factsAt: (view: ViewState) => ViewFacts,
): ViewState {
  const after = (before: Viewing, eventPayload: EventPayload): Viewing => {
    const noticeUntil = run.now + noticeSeconds;
    switch (eventPayload.kind) {
      case "key": {
        const { view, effect } = afterKey(before.view, eventPayload.key, factsAt(before.view));
        const effects = effect === null ? before.effects : [...before.effects, effect];
        return { view, noticeUntil, effects };
      }
      case "told":
        return { ...before, noticeUntil, view: { ...before.view, notice: eventPayload.notice } };
      case "clock":
        return eventPayload.now < before.noticeUntil ? before : withoutNotice(before);
      case "state": {
        // Another view may have asked for something else meanwhile.
        const command = before.view.notice?.command;
        return command === undefined || commandStates[command].includes(eventPayload.state)
          ? before
          : withoutNotice(before);
      }
    }
  };
  const [{ view, effects }, happen] = useReducer(after, {
    view: firstView,
    noticeUntil: 0,
    effects: [],
  });
  const { now, note } = run;
  const { state } = run.model;
  useKeys((key) => happen({ kind: "key", key }));
  useEffect(() => happen({ kind: "clock", now }), [now]);
  // Before the frame is shown: it must not say both.
  useLayoutEffect(() => happen({ kind: "state", state }), [state]);
  useEffect(() => {
    if (note !== null) {
      happen({ kind: "told", notice: { level: "info", text: note.text } });
    }
  }, [note]);
  useEachNew(effects, (effect) => {
    void onEffect(effect).then((notice) => {
      if (notice !== null) {
        happen({ kind: "told", notice });
      }
    });
  });
  return view;
}

function withoutNotice(before: Viewing): Viewing {
  return before.view.notice === null
    ? before
    : { ...before, view: { ...before.view, notice: null } };
}
