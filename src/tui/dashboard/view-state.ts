/** What a reader has chosen to see. All of it is the reader's: the run is in the model. Pure. */

import type { RunCommand } from "../../engine/commands.js";
import type { RiskMeasureName } from "../../risk/measures/registry.js";
import type { RunModel } from "../../run-model/run-model.js";
import type { PageExtent } from "./panels/episode-page.js";
import type { TrainingChart } from "./panels/training-figures.js";

/** The dashboard's panels, in the order of their numbers. */
export const panelIds = ["risk", "training", "tail", "what-if", "events", "log"] as const;
export type PanelId = (typeof panelIds)[number];

export interface ViewState {
  /** All trials are shown, not one of them. */
  readonly overview: boolean;
  /** Drawn for all trials in the overview. */
  readonly figure: TrainingChart;
  /** First line shown of the results, in the overview. */
  readonly resultsFrom: number;
  /** Trial in view; null: the one that works. */
  readonly trial: string | null;
  readonly focus: PanelId;
  /** Shown where only one of these has room. */
  readonly below: Extract<PanelId, "tail" | "what-if" | "events" | "log">;
  /** Shown at the bottom, where all others have room. */
  readonly bottom: Extract<PanelId, "events" | "log">;
  /** Where `w` came from. */
  readonly focusBefore: PanelId;
  /** The focused panel alone. */
  readonly full: boolean;
  /** Place of the step in view among those done, from 0; null: follows the newest. */
  readonly step: number | null;
  /** The charts' x axis is halved so many times. */
  readonly zoom: number;
  /** Their y axis goes by powers of ten. */
  readonly isLog: boolean;
  /** Place in `smoothingSpans`. */
  readonly smoothing: number;
  /** One of the training charts alone; null: all. */
  readonly chart: TrainingChart | null;
  readonly revealed: boolean;
  /** Row of the tail browser. */
  readonly selected: number;
  /** The tail browser begins with the best. */
  readonly best: boolean;
  /** The tail browser goes by prompt, where there are several completions of each. */
  readonly grouped: boolean;
  /** Prompt of the selected episode, whose page is open; null: the list is. */
  readonly history: number | null;
  /** First line of the page shown. */
  readonly pageFrom: number;
  /** First line shown of the worker's output; null: follows its end. */
  readonly logFrom: number | null;
  /** First event shown; null: follows the tail. */
  readonly eventsFrom: number | null;
  readonly filters: Readonly<Record<FilterId, string>>;
  /** A filter is being typed. */
  readonly typing: boolean;
  readonly whatIf: WhatIfChoice;
  readonly dialog: Dialog | null;
  /** First line of the help screen; null: it is not shown. */
  readonly help: number | null;
  /** What became of the last command; the next key takes it away, or time. */
  readonly notice: DashboardNotice | null;
  /** This view asked the run to stop, and it may not have said so yet. */
  readonly stopAsked: boolean;
}

/** `training`: a regular expression of figures' names; others: words. */
export type FilterId = "tail" | "events" | "training";

export interface WhatIfChoice {
  /** Null: as the run did. */
  readonly alpha: number | null;
  readonly measure: RiskMeasureName | null;
  readonly offset: number;
}

/** `leave`: leaving stops the run · `stop`: after the current iterations · `abort`: at once. */
export type Dialog = "leave" | "stop" | "abort";

export interface DashboardNotice {
  readonly level: "info" | "error";
  /** Safe to print. */
  readonly text: string;
  /** That the run took. */
  readonly command?: RunCommand;
}

/** What the state itself does not know, and a key's meaning hangs on. */
export interface ViewFacts {
  /** All of the run, in order. */
  readonly trials: readonly string[];
  /** In view; null: there is none. */
  readonly trial: string | null;
  /** Iterations that it has done, of so many. */
  readonly steps: number;
  readonly iterations: number;
  /** Of the training panel, in its order. */
  readonly charts: readonly TrainingChart[];
  /** Rows of the tail browser, and the prompt of the selected one; null: there is none. */
  readonly tailRows: number;
  readonly prompt: number | null;
  /** Episodes per prompt of the trial in view. */
  readonly completions: number;
  /** First line of the worker's output shown while its end is followed. */
  readonly logEnd: number;
  /** First event shown while the tail is followed. */
  readonly eventsEnd: number;
  /** First line of the results' last window, in the overview; 0: all are seen. */
  readonly resultsEnd: number;
  /** First line of the help screen's last page. */
  readonly helpEnd: number;
  /** How far the selected episode's page scrolls; null: it is not open. */
  readonly page: PageExtent | null;
  /** What the run did at the step in view. */
  readonly actual: { readonly alpha: number; readonly measure: RiskMeasureName };
  readonly state: RunModel["state"];
  readonly live: boolean;
  readonly held: boolean;
  readonly foreground: boolean;
}

/** What has to be done outside for a key. */
export type DashboardEffect =
  | { readonly kind: "leave" }
  | { readonly kind: "stop-and-leave" }
  | { readonly kind: "ask"; readonly command: RunCommand };

export interface ViewStep {
  readonly view: ViewState;
  readonly effect: DashboardEffect | null;
}

export const firstView: ViewState = {
  overview: true,
  figure: "cvar",
  resultsFrom: 0,
  trial: null,
  focus: "risk",
  below: "tail",
  bottom: "events",
  logFrom: null,
  focusBefore: "risk",
  full: false,
  step: null,
  zoom: 0,
  isLog: false,
  smoothing: 0,
  best: false,
  chart: null,
  revealed: false,
  selected: 0,
  grouped: false,
  history: null,
  pageFrom: 0,
  eventsFrom: null,
  filters: { tail: "", events: "", training: "" },
  typing: false,
  whatIf: { alpha: null, measure: null, offset: 0 },
  dialog: null,
  help: null,
  notice: null,
  stopAsked: false,
};

export function focused(view: ViewState, focus: PanelId): ViewState {
  const below = focus === "risk" || focus === "training" ? view.below : focus;
  const bottom = focus === "events" || focus === "log" ? focus : view.bottom;
  return { ...view, focus, below, bottom };
}

/** Which of the filters typing changes. */
export function filterInHand({ overview, focus }: ViewState): FilterId {
  return overview || focus === "training" ? "training" : focus === "events" ? "events" : "tail";
}
