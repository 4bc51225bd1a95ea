/** Experiments and runs as one list with a cursor, a filter and marks. Pure. */

import type { RunNotes, RunSummary } from "../../run-model/run-summary.js";
import { wordFilter } from "../../text/word-filter.js";
import { actionOf, scrolledBy } from "../terminal/key-table.js";
import { type KeyPress, pressedKey } from "../terminal/keys.js";
import { edited, editOf, type TextEdit } from "../terminal/text-edit.js";
import { filterKeys, listKeys, noteKeys } from "./key-tables.js";
import type { ExperimentEntry } from "./launcher-ports.js";

/** By name, not by place: the list changes under the cursor. */
export interface ItemId {
  readonly kind: "experiment" | "run";
  readonly id: string;
}

export interface ListState {
  /** null: not read yet. */
  readonly experiments: readonly ExperimentEntry[] | null;
  /** Live first, then newest first; null: not read yet. */
  readonly runs: readonly RunSummary[] | null;
  /** null: nothing to point at. */
  readonly cursor: ItemId | null;
  readonly filter: TextEdit;
  /** Keys go to the filter. */
  readonly filtering: boolean;
  /** Runs to compare, in the order of marking. */
  readonly marked: readonly string[];
  /** What is being written about a run; null: nothing is. */
  readonly writing: Writing | null;
  /** Run that is asked about: whether to delete it. */
  readonly deleting: string | null;
}

/** Keys go to it. */
export interface Writing {
  readonly run: string;
  readonly what: "title" | "tags" | "note";
  readonly text: TextEdit;
}

export type ListRequest =
  | { readonly kind: "quit" }
  | { readonly kind: "help" }
  | { readonly kind: "open"; readonly run: string }
  | { readonly kind: "form"; readonly experiment: ExperimentEntry }
  | { readonly kind: "compare"; readonly runs: readonly string[] }
  | { readonly kind: "annotate"; readonly run: string; readonly notes: RunNotes }
  | { readonly kind: "remove"; readonly run: string }
  | { readonly kind: "tell"; readonly text: string };

export interface ListStep {
  readonly state: ListState;
  readonly request: ListRequest | null;
}

export const emptyList: ListState = {
  experiments: null,
  runs: null,
  cursor: null,
  filter: editOf(""),
  filtering: false,
  marked: [],
  writing: null,
  deleting: null,
};

export function withExperiments(
  state: ListState,
  experiments: readonly ExperimentEntry[],
): ListState {
  return settled({ ...state, experiments }, state);
}

/** @param runs in any order */
export function withRuns(state: ListState, runs: readonly RunSummary[]): ListState {
  const ids = new Set(runs.map(({ id }) => id));
  const marked = state.marked.filter((id) => ids.has(id));
  return settled({ ...state, runs: inListOrder(runs), marked }, state);
}

const live: readonly RunSummary["state"][] = ["running", "paused", "stopping"];

export function isLive({ state }: Pick<RunSummary, "state">): boolean {
  return live.includes(state);
}

/** Live first, then newest; ids decide where the times do not. */
export function inListOrder(runs: readonly RunSummary[]): RunSummary[] {
  return [...runs].sort(
    (a, b) =>
      Number(isLive(b)) - Number(isLive(a)) ||
      (b.started ?? "").localeCompare(a.started ?? "") ||
      (a.id < b.id ? -1 : 1),
  );
}

/** Entries that hold every word of the filter: in name, purpose, state, title, tags or note. */
export function shown<
  Entry extends { readonly id: string; readonly purpose: string } & Partial<RunNotes>,
>(entries: readonly Entry[] | null, { text }: TextEdit): readonly Entry[] {
  const fits = wordFilter(text);
  return (entries ?? []).filter((entry) => {
    const state = "state" in entry ? String(entry.state) : "";
    const { id, purpose, title = "", tags = [], note = "" } = entry;
    return fits([id, purpose, state, title, ...tags, note]);
  });
}

export function chosenExperiment(state: ListState): ExperimentEntry | null {
  const { cursor, experiments } = state;
  return cursor?.kind === "experiment"
    ? ((experiments ?? []).find(({ id }) => id === cursor.id) ?? null)
    : null;
}

export function chosenRun({ cursor, runs }: ListState): RunSummary | null {
  return cursor?.kind === "run" ? ((runs ?? []).find(({ id }) => id === cursor.id) ?? null) : null;
}

export function afterListKey(state: ListState, key: KeyPress): ListStep {
  if (state.writing !== null) {
    return whileWriting(state, state.writing, key);
  }
  if (state.deleting !== null) {
    return whileAsked(state, state.deleting, key);
  }
  return state.filtering ? whileFiltering(state, key) : whileMoving(state, key);
}

function whileWriting(state: ListState, writing: Writing, key: KeyPress): ListStep {
  const done: ListState = { ...state, writing: null };
  switch (actionOf(noteKeys, key)) {
    case "keep": {
      const run = (state.runs ?? []).find(({ id }) => id === writing.run);
      return run === undefined
        ? only(done)
        : {
            state: done,
            request: { kind: "annotate", run: run.id, notes: notesAfter(run, writing) },
          };
    }
    case "cancel":
      return only(done);
    case "quit":
      return { state, request: { kind: "quit" } };
    default: {
      const text = edited(writing.text, key);
      return only(text === null ? state : { ...state, writing: { ...writing, text } });
    }
  }
}

/** Tags are divided by spaces or commas. */
function notesAfter({ title, tags, note }: RunNotes, { what, text }: Writing): RunNotes {
  const before: RunNotes = { title, tags, note };
  const typed = text.text.trim();
  return what === "tags"
    ? { ...before, tags: [...new Set(typed.split(/[\s,]+/).filter((tag) => tag !== ""))] }
    : { ...before, [what]: typed };
}

/** Only what the question names: another key must not delete a run. */
function whileAsked(state: ListState, run: string, key: KeyPress): ListStep {
  const pressed = pressedKey(key);
  if (pressed === "y" || pressed === "Y") {
    return { state: { ...state, deleting: null }, request: { kind: "remove", run } };
  }
  if (pressed === "ctrl-c") {
    return { state, request: { kind: "quit" } };
  }
  const isNo = pressed === "n" || pressed === "N" || pressed === "escape";
  return only(isNo ? { ...state, deleting: null } : state);
}

function whileFiltering(state: ListState, key: KeyPress): ListStep {
  switch (actionOf(filterKeys, key)) {
    case "keep":
      return only({ ...state, filtering: false });
    case "clear":
      return only(refiltered({ ...state, filtering: false }, editOf("")));
    case "up":
      return only(moved(state, -1));
    case "down":
      return only(moved(state, 1));
    case "quit":
      return { state, request: { kind: "quit" } };
    default: {
      const filter = edited(state.filter, key);
      return only(filter === null ? state : refiltered(state, filter));
    }
  }
}

function whileMoving(state: ListState, key: KeyPress): ListStep {
  const action = actionOf(listKeys, key);
  const by = scrolledBy(action);
  if (by !== null) {
    return only(Number.isFinite(by) ? moved(state, by) : toSectionEnd(state, by));
  }
  switch (action) {
    case "section":
      return only(otherSection(state));
    case "filter":
      return only({ ...state, filtering: true });
    case "open":
      return { state, request: opening(state) };
    case "new":
      return { state, request: newRun(state) };
    case "mark":
      return marking(state);
    case "unmark": {
      const run = chosenRun(state);
      return only({ ...state, marked: state.marked.filter((id) => id !== run?.id) });
    }
    case "clear":
      return only(
        state.filter.text === "" ? { ...state, marked: [] } : refiltered(state, editOf("")),
      );
    case "title":
    case "tags":
    case "note":
      return writing(state, action);
    case "remove":
      return askedToRemove(state);
    case "help":
    case "quit":
      return { state, request: { kind: action } };
    default:
      return only(state);
  }
}

const noRun = "Choose a run for that: Tab leads there.";

function writing(state: ListState, what: Writing["what"]): ListStep {
  const run = chosenRun(state);
  if (run === null) {
    return { state, request: state.cursor === null ? null : { kind: "tell", text: noRun } };
  }
  const text = editOf(what === "tags" ? run.tags.join(" ") : run[what]);
  return only({ ...state, writing: { run: run.id, what, text } });
}

function askedToRemove(state: ListState): ListStep {
  const run = chosenRun(state);
  if (run === null) {
    return { state, request: state.cursor === null ? null : { kind: "tell", text: noRun } };
  }
  return isLive(run)
    ? { state, request: { kind: "tell", text: `${run.id} is ${run.state}: stop it first.` } }
    : only({ ...state, deleting: run.id });
}

function only(state: ListState): ListStep {
  return { state, request: null };
}

function opening(state: ListState): ListRequest | null {
  const run = chosenRun(state);
  return run === null ? newRun(state) : { kind: "open", run: run.id };
}

function newRun(state: ListState): ListRequest | null {
  const experiment = chosenExperiment(state);
  if (experiment !== null) {
    return { kind: "form", experiment };
  }
  return state.cursor === null
    ? null
    : { kind: "tell", text: "Choose an experiment for a new run: Tab leads there." };
}

/** The first press marks; on a run that is marked, the next compares all that are. */
function marking(state: ListState): ListStep {
  const run = chosenRun(state);
  if (run === null) {
    const text = "Runs are what can be compared: Tab leads there.";
    return { state, request: state.cursor === null ? null : { kind: "tell", text } };
  }
  return state.marked.includes(run.id)
    ? { state, request: { kind: "compare", runs: state.marked } }
    : only({ ...state, marked: [...state.marked, run.id] });
}

function items(state: ListState): ItemId[] {
  return [
    ...shown(state.experiments, state.filter).map(({ id }) => ({
      kind: "experiment" as const,
      id,
    })),
    ...shown(state.runs, state.filter).map(({ id }) => ({ kind: "run" as const, id })),
  ];
}

function placeOf(all: readonly ItemId[], cursor: ItemId | null): number {
  return all.findIndex(({ kind, id }) => kind === cursor?.kind && id === cursor.id);
}

function moved(state: ListState, by: number): ListState {
  const all = items(state);
  const to = Math.min(all.length - 1, Math.max(0, placeOf(all, state.cursor) + by));
  return { ...state, cursor: all[to] ?? null };
}

/** Of the section that the cursor is in; from there, of the other. @param by −∞ or ∞ */
function toSectionEnd(state: ListState, by: number): ListState {
  const all = items(state);
  const own = all.filter(({ kind }) => kind === state.cursor?.kind);
  const target = (among: readonly ItemId[]) => (by < 0 ? among[0] : among.at(-1));
  const there = target(own);
  const cursor = there?.id === state.cursor?.id ? target(all) : there;
  return { ...state, cursor: cursor ?? null };
}

function otherSection(state: ListState): ListState {
  const other = state.cursor?.kind === "experiment" ? "run" : "experiment";
  const first = items(state).find(({ kind }) => kind === other);
  return first === undefined ? state : { ...state, cursor: first };
}

function refiltered(state: ListState, filter: TextEdit): ListState {
  return settled({ ...state, filter }, state);
}

/**
 * The cursor where it was; where that is gone, on what took its place. At first, once all is read,
 * it points at a run that is live, or else at the first experiment. A run that was just started
 * keeps the cursor though it is not in the list yet.
 */
function settled(state: ListState, before: ListState): ListState {
  if (state.experiments === null || state.runs === null) {
    return state;
  }
  const all = items(state);
  if (state.cursor === null) {
    const running = state.runs.find(isLive);
    const at = running === undefined ? 0 : placeOf(all, { kind: "run", id: running.id });
    return { ...state, cursor: all[Math.max(0, at)] ?? null };
  }
  const was = placeOf(items(before), state.cursor);
  return was < 0 || placeOf(all, state.cursor) >= 0
    ? state
    : { ...state, cursor: all[Math.min(was, all.length - 1)] ?? null };
}
