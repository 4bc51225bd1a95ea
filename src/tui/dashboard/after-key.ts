/** What a key does to the view, and what it asks of the run. Pure. */

import type { RunCommand } from "../../engine/commands.js";
import { type RiskMeasureName, riskMeasures, usesAlpha } from "../../risk/measures/registry.js";
import { isOver } from "../../run-model/run-model.js";
import { actionOf, pageRows } from "../terminal/key-table.js";
import { type KeyPress, pressedKey } from "../terminal/keys.js";
import { deepestZoom } from "./in-view.js";
import { type DashboardAction, dashboardKeys } from "./keys.js";
import type { PageExtent } from "./panels/episode-page.js";
import { trainingCharts } from "./panels/training-figures.js";
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

function acted(
  view: ViewState,
  action: DashboardAction,
  pressed: string,
  facts: ViewFacts,
): ViewStep {
  switch (action) {
    case "help":
      return only({ ...view, help: 0 });
    case "leave":
      return wouldStop(facts) ? only({ ...view, dialog: "leave" }) : { view, effect: leave };
    case "back":
      return only(back(view));
    case "focus":
      return only(besides(view, pressed === "tab" ? 1 : -1));
    case "panel":
      return only(focused(view, panelIds[Number(pressed) - 1]!));
    case "full":
      return only({ ...view, full: !view.full });
    case "move":
      return only(moved(view, pressed === "up" || pressed === "k" ? -1 : 1, facts));
    case "page":
      return only(paged(view, pressed === "page-up" ? -pageRows : pageRows, facts));
    case "ends":
      return only(toEnd(view, pressed === "home" || pressed === "g", facts));
    case "side":
      return only(sideways(view, pressed === "left" || pressed === "h" ? -1 : 1, facts));
    case "open":
      return only(opened(view, facts));
    case "filter":
      return only(
        view.focus === "events"
          ? { ...view, typing: true }
          : { ...focused(view, "tail"), history: null, typing: true },
      );
    case "step":
      return only(stepped(view, pressed === "[" ? -1 : 1, facts));
    case "leap":
      return only(stepped(view, (pressed === "{" ? -1 : 1) * leapOf(view, facts), facts));
    case "zoom":
      return only(zoomed(view, pressed === "-" ? -1 : 1, facts));
    case "reveal":
      return only(held({ ...view, revealed: !view.revealed }, facts));
    case "what-if":
      return only(
        view.focus === "what-if"
          ? focused(view, view.focusBefore)
          : { ...focused(view, "what-if"), focusBefore: view.focus },
      );
    case "follow":
      return only({ ...view, eventsFrom: view.eventsFrom === null ? facts.eventsEnd : null });
    case "pause":
      return asking(view, facts.state === "paused" ? "continue" : "pause", facts);
    case "checkpoint":
      return asking(view, "checkpoint", facts);
    case "evaluate":
      return asking(view, "evaluate", facts);
    case "stop":
      return facts.live && !isOver(facts)
        ? only({ ...view, dialog: facts.state === "stopping" ? "halt" : "stop" })
        : asking(view, "stop", facts);
    case "suspend":
      return only({ ...view, notice: notSuspended });
    case "interrupt":
      return interrupted(view, facts);
  }
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
  const effect: DashboardEffect = { kind: "ask", command: again ? "halt" : "stop" };
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
          effect: { kind: "ask", command: view.dialog === "halt" ? "halt" : "stop" },
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
  const scrolledBy = (by: number): ViewState => {
    const first = Math.min(view.help ?? 0, helpEnd) + by;
    return { ...view, help: Math.max(0, Math.min(helpEnd, first)) };
  };
  switch (action) {
    case "help":
    case "back":
    case "leave":
      return { ...view, help: null };
    case "move":
      return scrolledBy(pressed === "up" || pressed === "k" ? -1 : 1);
    case "page":
      return scrolledBy(pressed === "page-up" ? -pageRows : pageRows);
    case "ends":
      return { ...view, help: pressed === "home" || pressed === "g" ? 0 : helpEnd };
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
  return { ...view, step: null, eventsFrom: null };
}

function besides(view: ViewState, by: 1 | -1): ViewState {
  const at = panelIds.indexOf(view.focus) + by;
  return focused(view, panelIds.at(at % panelIds.length)!);
}

function moved(view: ViewState, by: number, facts: ViewFacts): ViewState {
  switch (view.focus) {
    case "tail":
      return facts.page === null
        ? selecting(view, view.selected + by, facts)
        : turned(view, by, facts.page);
    case "events":
      return scrolled(view, by, facts);
    case "what-if":
      return held(
        { ...view, whatIf: { ...view.whatIf, measure: measureBesides(view, by, facts) } },
        facts,
      );
    case "training":
      return { ...view, chart: chartBesides(view.chart, by) };
    case "risk":
      return stepped(view, by, facts);
  }
}

function paged(view: ViewState, by: number, facts: ViewFacts): ViewState {
  switch (view.focus) {
    case "tail":
      return facts.page === null
        ? selecting(view, view.selected + by, facts)
        : turned(view, Math.sign(by) * facts.page.rows, facts.page);
    case "events":
      return scrolled(view, by, facts);
    case "what-if":
      return { ...view, whatIf: { ...view.whatIf, offset: Math.max(0, view.whatIf.offset + by) } };
    default:
      return stepped(view, Math.sign(by) * leapOf(view, facts), facts);
  }
}

function toEnd(view: ViewState, first: boolean, facts: ViewFacts): ViewState {
  switch (view.focus) {
    case "tail":
      return facts.page === null
        ? selecting(view, first ? 0 : facts.tailRows - 1, facts)
        : atLine(view, first ? 0 : facts.page.end, facts.page);
    case "events":
      return { ...view, eventsFrom: first && facts.eventsEnd > 0 ? 0 : null };
    default:
      return atStep(view, first ? 0 : facts.steps - 1, facts);
  }
}

/** Of the page that is open. */
function atLine(view: ViewState, line: number, { end }: PageExtent): ViewState {
  return { ...view, pageFrom: Math.max(0, Math.min(end, line)) };
}

/** A page by lines; after a change of size its end may be nearer than it was left. */
function turned(view: ViewState, by: number, page: PageExtent): ViewState {
  return atLine(view, Math.min(view.pageFrom, page.end) + by, page);
}

function selecting(view: ViewState, row: number, facts: ViewFacts): ViewState {
  const selected = Math.max(0, Math.min(facts.tailRows - 1, row));
  return held({ ...view, selected }, facts);
}

/** What is being read must not change under the reader's eyes: the newest step is held. */
function held(view: ViewState, { steps }: ViewFacts): ViewState {
  return view.step === null && steps > 0 ? { ...view, step: steps - 1 } : view;
}

/** Down to the end of the events follows the tail again. */
function scrolled(view: ViewState, by: number, { eventsEnd }: ViewFacts): ViewState {
  const from = Math.max(0, (view.eventsFrom ?? eventsEnd) + by);
  return { ...view, eventsFrom: from >= eventsEnd ? null : from };
}

function chartBesides(chart: ViewState["chart"], by: number): ViewState["chart"] {
  const all = [null, ...trainingCharts];
  return all.at((all.indexOf(chart) + by) % all.length)!;
}

function measureBesides(view: ViewState, by: number, { actual }: ViewFacts): RiskMeasureName {
  const all = Object.keys(riskMeasures) as RiskMeasureName[];
  return all.at((all.indexOf(view.whatIf.measure ?? actual.measure) + by) % all.length)!;
}

/** What-if's α goes up and down by this. */
const alphaGrid = 0.05;

function sideways(view: ViewState, by: 1 | -1, facts: ViewFacts): ViewState {
  if (view.focus === "what-if") {
    const alpha = view.whatIf.alpha ?? facts.actual.alpha;
    const next = (Math.round(alpha / alphaGrid) + by) * alphaGrid;
    const within = Math.min(1, Math.max(alphaGrid, Number(next.toFixed(2))));
    const asked = view.whatIf.measure ?? facts.actual.measure;
    // A measure without an α would be the same at each: the question is about the tail, then.
    const measure = usesAlpha(asked) ? view.whatIf.measure : "cvar";
    return held({ ...view, whatIf: { ...view.whatIf, alpha: within, measure } }, facts);
  }
  const at = facts.trials.indexOf(facts.trial ?? "") + by;
  const trial = facts.trials[Math.max(0, Math.min(facts.trials.length - 1, at))] ?? null;
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

function stepped(view: ViewState, by: number, facts: ViewFacts): ViewState {
  const from = Math.min(view.step ?? facts.steps - 1, facts.steps - 1);
  return atStep(view, from + by, facts);
}

/** At the newest step the view follows again. */
function atStep(view: ViewState, wanted: number, { steps }: ViewFacts): ViewState {
  const at = Math.max(0, wanted);
  const step = at >= steps - 1 ? null : at;
  return { ...view, step, history: null, whatIf: { ...view.whatIf, offset: 0 } };
}

/** A tenth of what the charts show. */
function leapOf({ zoom }: ViewState, { iterations }: ViewFacts): number {
  return Math.max(1, Math.round(iterations / 2 ** zoom / 10));
}

function zoomed(view: ViewState, by: 1 | -1, { iterations }: ViewFacts): ViewState {
  return { ...view, zoom: Math.max(0, Math.min(deepestZoom(iterations), view.zoom + by)) };
}
