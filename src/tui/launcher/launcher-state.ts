/** The launcher as a whole: which screen is on, what it shows, and what a key does to it. Pure. */

import type { RunNotes, RunSummary } from "../../run-model/run-summary.js";
import {
  afterCompareKey,
  type CompareState,
  loadingComparison,
  withComparison,
} from "../compare/compare-state.js";
import type { ComparedRun } from "../compare/compared-run.js";
import { actionOf, scrolledBy, scrollingKeys } from "../terminal/key-table.js";
import { type KeyPress, pressedKey } from "../terminal/keys.js";
import { afterFormKey, type FormState, openForm } from "./form-state.js";
import type { ExperimentEntry, LauncherPorts } from "./launcher-ports.js";
import {
  afterListKey,
  emptyList,
  type ListState,
  withExperiments,
  withRuns,
} from "./list-state.js";

export type LauncherScreenState =
  | { readonly kind: "list" }
  | { readonly kind: "form"; readonly form: FormState }
  | { readonly kind: "compare"; readonly compare: CompareState };

export interface LauncherState {
  readonly list: ListState;
  readonly screen: LauncherScreenState;
  /** The help of that screen covers it. */
  readonly help: boolean;
  /** Lines of help above the window. */
  readonly helpScroll: number;
  /** What the last key or the last request came to; null: nothing to tell. */
  readonly notice: LauncherNotice | null;
}

export interface LauncherNotice {
  readonly level: "info" | "error";
  /** Untrusted. */
  readonly text: string;
}

/** What the outside has to do for a key. */
export type LauncherEffect =
  | { readonly kind: "quit" }
  | { readonly kind: "open"; readonly run: string }
  | { readonly kind: "start"; readonly experiment: string; readonly overrides: readonly string[] }
  | { readonly kind: "compare"; readonly runs: readonly string[] }
  | { readonly kind: "annotate"; readonly run: string; readonly notes: RunNotes }
  | { readonly kind: "remove"; readonly run: string };

export interface LauncherStep {
  readonly state: LauncherState;
  readonly effect: LauncherEffect | null;
}

/** What a key's meaning hangs on beside the state. */
export interface KeyContext {
  readonly check: LauncherPorts["check"];
  /** Lines that what is scrolled, table or help, is longer than its window. */
  readonly mostScroll: number;
}

export const emptyLauncher: LauncherState = {
  list: emptyList,
  screen: { kind: "list" },
  help: false,
  helpScroll: 0,
  notice: null,
};

export function launcherAfterKey(
  state: LauncherState,
  key: KeyPress,
  context: KeyContext,
): LauncherStep {
  if (state.help) {
    return afterHelpKey(state, key, context.mostScroll);
  }
  const told: LauncherState = { ...state, notice: null };
  const { screen } = told;
  switch (screen.kind) {
    case "list":
      return afterListStep(told, key, context);
    case "form": {
      const { state: form, request } = afterFormKey(screen.form, key, context.check);
      const next: LauncherState = { ...told, screen: { kind: "form", form } };
      return request?.kind === "start"
        ? { state: next, effect: request }
        : afterRequest(next, request);
    }
    case "compare": {
      const { state: compare, request } = afterCompareKey(screen.compare, key, context.mostScroll);
      return afterRequest({ ...told, screen: { kind: "compare", compare } }, request);
    }
  }
}

/** Any key but those that scroll closes the help. */
function afterHelpKey(state: LauncherState, key: KeyPress, mostScroll: number): LauncherStep {
  const by = scrolledBy(actionOf(scrollingKeys, key));
  if (by !== null) {
    const helpScroll = Math.min(mostScroll, Math.max(0, state.helpScroll + by));
    return { state: { ...state, helpScroll }, effect: null };
  }
  const closed = { ...state, help: false, helpScroll: 0 };
  return { state: closed, effect: pressedKey(key) === "ctrl-c" ? { kind: "quit" } : null };
}

function afterRequest(
  state: LauncherState,
  request: { readonly kind: "back" | "quit" | "help" } | null,
): LauncherStep {
  switch (request?.kind) {
    case "quit":
      return { state, effect: { kind: "quit" } };
    case "help":
      return { state: { ...state, help: true, helpScroll: 0 }, effect: null };
    case "back":
      return { state: { ...state, screen: { kind: "list" } }, effect: null };
    default:
      return { state, effect: null };
  }
}

function afterListStep(state: LauncherState, key: KeyPress, { check }: KeyContext): LauncherStep {
  const { state: list, request } = afterListKey(state.list, key);
  const next: LauncherState = { ...state, list };
  if (request === null) {
    return { state: next, effect: null };
  }
  switch (request.kind) {
    case "form":
      return { state: withForm(next, request.experiment, check), effect: null };
    case "tell":
      return { state: { ...next, notice: { level: "info", text: request.text } }, effect: null };
    case "open":
    case "annotate":
    case "remove":
      return { state: next, effect: request };
    case "compare":
      return {
        state: { ...next, screen: { kind: "compare", compare: loadingComparison } },
        effect: request,
      };
    default:
      return afterRequest(next, request);
  }
}

function withForm(
  state: LauncherState,
  experiment: ExperimentEntry,
  check: LauncherPorts["check"],
): LauncherState {
  const form = openForm(experiment, check);
  if (form !== null) {
    return { ...state, screen: { kind: "form", form } };
  }
  const [text = `${experiment.id} cannot be read.`] = experiment.problems;
  return { ...state, notice: { level: "error", text } };
}

/** Experiments as they were found. */
export function foundExperiments(
  state: LauncherState,
  experiments: readonly ExperimentEntry[],
): LauncherState {
  return { ...state, list: withExperiments(state.list, experiments) };
}

/** Runs as they were found. */
export function foundRuns(state: LauncherState, runs: readonly RunSummary[]): LauncherState {
  return { ...state, list: withRuns(state.list, runs) };
}

/** A run was started: back to the list, with the cursor on it. */
export function startedRun(state: LauncherState, run: string): LauncherState {
  return {
    ...state,
    screen: { kind: "list" },
    list: { ...state.list, cursor: { kind: "run", id: run } },
  };
}

/** It could not be started; the form stays as it was filled in. */
export function refusedStart(state: LauncherState, reason: string): LauncherState {
  return state.screen.kind === "form"
    ? {
        ...state,
        screen: { kind: "form", form: { ...state.screen.form, starting: false, refusal: reason } },
      }
    : failed(state, reason);
}

/** Nobody waits for a comparison that was left meanwhile. */
export function readComparison(state: LauncherState, runs: readonly ComparedRun[]): LauncherState {
  return state.screen.kind === "compare"
    ? {
        ...state,
        screen: { kind: "compare", compare: withComparison(state.screen.compare, runs) },
      }
    : state;
}

/** Something went wrong that no screen asked for. */
export function notified(state: LauncherState, text: string): LauncherState {
  return { ...state, notice: { level: "error", text } };
}

/** What was asked for could not be done. */
export function failed(state: LauncherState, reason: string): LauncherState {
  return {
    ...state,
    screen: state.screen.kind === "compare" ? { kind: "list" } : state.screen,
    notice: { level: "error", text: reason },
  };
}
