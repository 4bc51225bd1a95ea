/** What a key does to the view, and what it asks of the run. Pure. */

import type { RunCommand } from "../../engine/commands.js";
import { type RiskMeasureName, riskMeasures, usesAlpha } from "../../risk/measures/registry.js";
import { isOver } from "../../run-model/run-model.js";
import { smoothingSpans } from "../charts/smoothing.js";
import { actionOf, pageRows } from "../terminal/key-table.js";
import { type KeyPress, pressedKey } from "../terminal/keys.js";
import { deepestZoom } from "./in-view.js";
import { type DashboardAction, dashboardKeys } from "./keys.js";
import type { PageExtent } from "./panels/episode-page.js";
import {
  type DashboardEffect,
  type DashboardNotice,
  filterInHand,
  focused,
  panelIds,
  type ViewFacts,
  type ViewState,
  type ViewStep,
} from "./view-state.js";

export function afterKey(before: ViewState, key: KeyPress, facts: ViewFacts): ViewStep {
  const view = before.notice === null ? before : { ...before, notice: null };
  const pressed = pressedKey(key);
  if (pressed === "ctrl-c") {
    return interrupted(view, facts);
  }
  if (view.dialog !== null) {
    return answered(view, pressed);
  }
  if (view.typing) {
    return only(afterTyping(view, key));
  }
  const action = actionOf(dashboardKeys, key);
  if (action === null || pressed === null) {
    return only(view);
  }
  if (view.help !== null) {
    return only(inHelp(view, action, pressed, facts));
  }
  return acted(view, action, pressed, facts);
}

/** Which way a key leads, and how far. */
const amounts: Readonly<Record<string, number>> = {
  ...{ up: -1, k: -1, down: 1, j: 1, left: -1, h: -1, right: 1, l: 1 },
  ...{ "page-up": -pageRows, "page-down": pageRows },
  ...{ home: Number.NEGATIVE_INFINITY, g: Number.NEGATIVE_INFINITY },
  ...{ end: Number.POSITIVE_INFINITY, G: Number.POSITIVE_INFINITY },
  ...{ "[": -1, "]": 1, "{": -1, "}": 1, "-": -1, "+": 1, "=": 1, tab: 1, "shift-tab": -1 },
};

function acted(
  view: ViewState,
  action: DashboardAction,
  pressed: string,
  facts: ViewFacts,
): ViewStep {
  const by = amounts[pressed] ?? 0;
  const overviewed = view.overview ? inOverview(view, action, by, facts) : null;
  if (overviewed !== null) {
    return only(overviewed);
  }
  switch (action) {
    case "overview":
      return only({ ...view, overview: true, full: false, history: null });
    case "help":
      return only({ ...view, help: 0 });
    case "leave":
      return wouldStop(facts) ? only({ ...view, dialog: "leave" }) : { view, effect: leave };
    case "back":
      return only(back(view));
    case "focus":
      return only(
        view.overview
          ? { ...view, overview: false }
          : focused(view, beside(panelIds, view.focus, by)),
      );
    case "panel":
      return only({ ...focused(view, panelIds[Number(pressed) - 1]!), overview: false });
    case "full":
      return only({ ...view, full: !view.full });
    case "move":
    case "page":
    case "ends":
      return only(moved(view, by, facts));
    case "side":
      return only(sideways(view, by, facts));
    case "open":
      return only(opened(view, facts));
    case "group":
      return only(regrouped(view, facts));
    case "filter":
      return only(
        view.focus === "events" || view.focus === "training"
          ? { ...view, chart: null, typing: true }
          : { ...focused(view, "tail"), history: null, typing: true },
      );
    case "best":
      return only(
        held({ ...focused(view, "tail"), best: !view.best, selected: 0, history: null }, facts),
      );
    case "log-axis":
      return only({ ...view, isLog: !view.isLog });
    case "smooth":
      return only({ ...view, smoothing: (view.smoothing + 1) % smoothingSpans.length });
    case "step":
      return only(stepped(view, by, facts));
    case "leap":
      return only(stepped(view, by * leapOf(view, facts), facts));
    case "zoom":
      return only({ ...view, zoom: clamped(view.zoom + by, deepestZoom(facts.iterations)) });
    case "reveal":
      return only(held({ ...view, revealed: !view.revealed }, facts));
    case "what-if":
      return only(
        view.focus === "what-if"
          ? focused(view, view.focusBefore)
          : { ...focused(view, "what-if"), overview: false, focusBefore: view.focus },
      );
    case "follow":
      return only(
        view.focus === "log"
          ? { ...view, logFrom: view.logFrom === null ? facts.logEnd : null }
          : { ...view, eventsFrom: view.eventsFrom === null ? facts.eventsEnd : null },
      );
    case "pause":
      return asking(view, facts.state === "paused" ? "continue" : "pause", facts);
    case "checkpoint":
    case "evaluate":
      return asking(view, action, facts);
    case "stop":
      return facts.live && !isOver(facts)
        ? only({ ...view, dialog: facts.state === "stopping" ? "abort" : "stop" })
        : asking(view, "stop", facts);
    case "suspend":
      return only({ ...view, notice: notSuspended });
    case "interrupt":
      return interrupted(view, facts);
  }
}

/** What only the overview does with a key; null: what every screen does. */
function inOverview(
  view: ViewState,
  action: DashboardAction,
  by: number,
  facts: ViewFacts,
): ViewState | null {
  switch (action) {
    case "open":
      return { ...view, overview: false };
    case "panel":
    case "what-if":
    case "focus":
      return null;
    case "move":
    case "ends":
      return trialBeside(view, by, facts);
    case "page":
      return facts.resultsEnd > 0
        ? { ...view, resultsFrom: clamped(view.resultsFrom + by, facts.resultsEnd) }
        : trialBeside(view, by, facts);
    case "side":
      return { ...view, figure: beside(facts.charts, view.figure, by) };
    case "back":
      return view.filters.training !== ""
        ? { ...view, filters: { ...view.filters, training: "" } }
        : { ...view, trial: null, resultsFrom: 0 };
    case "filter":
      return { ...view, typing: true };
    case "log-axis":
    case "smooth":
    case "help":
    case "leave":
    case "pause":
    case "checkpoint":
    case "evaluate":
    case "stop":
    case "suspend":
    case "interrupt":
      return null;
    default:
      return view;
  }
}

/** Within 0 and the last. */
function clamped(place: number, last: number): number {
  return Math.max(0, Math.min(last, place));
}

/** The one so many places on in a ring. */
function beside<Item>(ring: readonly Item[], from: Item, by: number): Item {
  return ring.at((ring.indexOf(from) + by) % ring.length)!;
}

const leave: DashboardEffect = { kind: "leave" };

/** Only a view that its run lives in is asked: any other's screen suspends by itself. */
const notSuspended: DashboardNotice = {
  level: "error",
  text: "the run lives in this window and would stand still with it; p pauses it",
};

function only(view: ViewState): ViewStep {
  return { view, effect: null };
}

/** A run in the foreground does not outlive its view. */
function wouldStop(facts: ViewFacts): boolean {
  return facts.foreground && facts.live && !isOver(facts);
}

/** Ctrl-C is the run's contract in the foreground, and no more than `q` in a view of another's. */
function interrupted(view: ViewState, facts: ViewFacts): ViewStep {
  if (!wouldStop(facts)) {
    return { view, effect: leave };
  }
  const again = view.stopAsked || facts.state === "stopping";
  const effect: DashboardEffect = { kind: "ask", command: again ? "abort" : "stop" };
  return { view: { ...view, dialog: null, stopAsked: true }, effect };
}

/** Only what the question names: the Enter that was meant for something else must not stop a run. */
function answered(view: ViewState, pressed: string | null): ViewStep {
  const closed = { ...view, dialog: null };
  if (pressed === "y" || pressed === "Y") {
    return view.dialog === "leave"
      ? { view: { ...closed, stopAsked: true }, effect: { kind: "stop-and-leave" } }
      : {
          view: { ...closed, stopAsked: true },
          effect: { kind: "ask", command: view.dialog === "abort" ? "abort" : "stop" },
        };
  }
  return only(pressed === "n" || pressed === "N" || pressed === "escape" ? closed : view);
}

function asking(view: ViewState, command: RunCommand, { live, held }: ViewFacts): ViewStep {
  if (!live) {
    const text = held
      ? "its controller cannot be reached from here now"
      : "no controller is running; `averse resume` takes an unfinished run up again";
    return only({ ...view, notice: { level: "error", text } });
  }
  return { view, effect: { kind: "ask", command } };
}

/** Longest filter, in characters: a pasted book must not slow down every key that follows. */
const longestFilter = 100;

function afterTyping(view: ViewState, key: KeyPress): ViewState {
  const which = filterInHand(view);
  const text = view.filters[which];
  const typed = (now: string): ViewState => ({
    ...view,
    selected: 0,
    eventsFrom: null,
    filters: { ...view.filters, [which]: now },
  });
  if (key.kind !== "named") {
    return typed(
      Array.from(text + key.text)
        .slice(0, longestFilter)
        .join(""),
    );
  }
  switch (key.name) {
    case "enter":
      return { ...view, typing: false };
    case "escape":
      return { ...typed(""), typing: false };
    case "backspace":
      return typed(text.replace(/.$/su, ""));
    case "ctrl-u":
      return typed("");
    default:
      return view;
  }
}

function inHelp(
  view: ViewState,
  action: DashboardAction,
  pressed: string,
  { helpEnd }: ViewFacts,
): ViewState {
  switch (action) {
    case "help":
    case "back":
    case "leave":
      return { ...view, help: null };
    case "move":
    case "page":
    case "ends":
      return {
        ...view,
        help: clamped(Math.min(view.help ?? 0, helpEnd) + amounts[pressed]!, helpEnd),
      };
    default:
      return view;
  }
}

/** One thing at a time, the last that was opened first. */
function back(view: ViewState): ViewState {
  if (view.history !== null) {
    return { ...view, history: null };
  }
  if (view.full) {
    return { ...view, full: false };
  }
  const which = filterInHand(view);
  if (view.filters[which] !== "") {
    return { ...view, selected: 0, filters: { ...view.filters, [which]: "" } };
  }
  if (view.focus === "training" && view.chart !== null) {
    return { ...view, chart: null };
  }
  if (view.focus === "what-if" && (view.whatIf.alpha !== null || view.whatIf.measure !== null)) {
    return { ...view, whatIf: { alpha: null, measure: null, offset: 0 } };
  }
  return view.step === null && view.eventsFrom === null && view.logFrom === null
    ? { ...view, overview: true }
    : { ...view, step: null, eventsFrom: null, logFrom: null };
}

/** By single rows, by tens, or to an end; where there are no rows, to other iterations. */
function moved(view: ViewState, by: number, facts: ViewFacts): ViewState {
  const isStep = Math.abs(by) === 1;
  switch (view.focus) {
    case "tail":
      return facts.page === null
        ? held({ ...view, selected: clamped(view.selected + by, facts.tailRows - 1) }, facts)
        : turned(view, isStep ? by : by * (facts.page.rows / pageRows), facts.page);
    case "events":
      return { ...view, eventsFrom: scrolled(view.eventsFrom, by, facts.eventsEnd) };
    case "log":
      return { ...view, logFrom: scrolled(view.logFrom, by, facts.logEnd) };
    case "what-if":
      if (isStep) {
        const measures = Object.keys(riskMeasures) as RiskMeasureName[];
        const measure = beside(measures, view.whatIf.measure ?? facts.actual.measure, by);
        return held({ ...view, whatIf: { ...view.whatIf, measure } }, facts);
      }
      return Number.isFinite(by)
        ? { ...view, whatIf: { ...view.whatIf, offset: Math.max(0, view.whatIf.offset + by) } }
        : stepped(view, by, facts);
    case "training":
      if (isStep) {
        return { ...view, chart: beside([null, ...facts.charts], view.chart, by) };
      }
      break;
    case "risk":
      break;
  }
  return stepped(view, isStep ? by : Math.sign(by) * leapOf(view, facts) * reach(by), facts);
}

/** A page is a leap; an end is as far as there is. */
function reach(by: number): number {
  return Number.isFinite(by) ? 1 : Number.POSITIVE_INFINITY;
}

/** A page by lines; after a change of size its end may be nearer than it was left. */
function turned(view: ViewState, by: number, { end }: PageExtent): ViewState {
  return { ...view, pageFrom: clamped(Math.min(view.pageFrom, end) + by, end) };
}

/** What is being read must not change under the reader's eyes: the newest step is held. */
function held(view: ViewState, { steps }: ViewFacts): ViewState {
  return view.step === null && steps > 0 ? { ...view, step: steps - 1 } : view;
}

/** Down to the end follows it again. @returns null: it is followed */
function scrolled(before: number | null, by: number, end: number): number | null {
  const from = Math.max(0, (before ?? end) + by);
  return from >= end ? null : from;
}

/** What-if's α goes up and down by this. */
const alphaGrid = 0.05;

function sideways(view: ViewState, by: number, facts: ViewFacts): ViewState {
  if (view.focus === "what-if") {
    const alpha = view.whatIf.alpha ?? facts.actual.alpha;
    const next = (Math.round(alpha / alphaGrid) + by) * alphaGrid;
    const within = Math.min(1, Math.max(alphaGrid, Number(next.toFixed(2))));
    const asked = view.whatIf.measure ?? facts.actual.measure;
    // A measure without an α would be the same at each: the question is about the tail, then.
    const measure = usesAlpha(asked) ? view.whatIf.measure : "cvar";
    return held({ ...view, whatIf: { ...view.whatIf, alpha: within, measure } }, facts);
  }
  return trialBeside(view, by, facts);
}

function trialBeside(view: ViewState, by: number, facts: ViewFacts): ViewState {
  const at = clamped(facts.trials.indexOf(facts.trial ?? "") + by, facts.trials.length - 1);
  const trial = facts.trials[at] ?? null;
  return trial === facts.trial ? view : { ...view, trial, step: null, selected: 0, history: null };
}

function opened(view: ViewState, facts: ViewFacts): ViewState {
  if (view.focus === "tail") {
    // Enter on an open page must not lose the reader's place in it.
    return facts.prompt === null || view.history !== null
      ? view
      : held({ ...view, history: facts.prompt, pageFrom: 0 }, facts);
  }
  return view.full ? view : { ...view, full: true };
}

function regrouped(view: ViewState, facts: ViewFacts): ViewState {
  const text = "one completion per prompt: there is nothing to group";
  return facts.completions > 1
    ? held({ ...focused(view, "tail"), grouped: !view.grouped, selected: 0, history: null }, facts)
    : { ...view, notice: { level: "info", text } };
}

/** At the newest step the view follows again. */
function stepped(view: ViewState, by: number, { steps }: ViewFacts): ViewState {
  const at = Math.max(0, Math.min(view.step ?? steps - 1, steps - 1) + by);
  const step = at >= steps - 1 ? null : at;
  return { ...view, step, history: null, whatIf: { ...view.whatIf, offset: 0 } };
}

/** A tenth of what the charts show. */
function leapOf({ zoom }: ViewState, { iterations }: ViewFacts): number {
  return Math.max(1, Math.round(iterations / 2 ** zoom / 10));
}
