/** Every key of the dashboard. Key presses, help and hints read this one table. */
import type { Hint } from "../terminal/key-help.js";
import { type ActionOf, helpKeys, hintLabel, type KeyTable } from "../terminal/key-table.js";
import type { ViewStyle } from "../terminal/line.js";
import type { PanelId, ViewState } from "./view-state.js";

export const dashboardKeys = [
  ...helpKeys,
  { action: "leave", keys: ["q"], words: "leave the view", hint: "leave" },
  { action: "back", keys: ["escape"], words: "back; newest iteration; all trials" },
  { action: "overview", keys: ["0"], words: "all trials", hint: "trials" },
  { action: "focus", keys: ["tab", "shift-tab"], words: "next panel, former" },
  {
    action: "panel",
    keys: ["1", "2", "3", "4", "5", "6"],
    label: "1-6",
    words: "panel by number",
    hint: "panel",
  },
  { action: "full", keys: ["f"], words: "panel on full screen", hint: "full" },
  {
    action: "move",
    keys: ["up", "down", "k", "j"],
    pair: true,
    words: "row; chart; measure; trial",
  },
  {
    action: "side",
    keys: ["left", "right", "h", "l"],
    pair: true,
    words: "trial; what-if: alpha; figure",
  },
  { action: "page", keys: ["page-up", "page-down"], pair: true, words: "ten rows" },
  { action: "ends", keys: ["home", "end", "g", "G"], pair: true, words: "first, last" },
  { action: "open", keys: ["enter"], words: "a trial; texts whole" },
  { action: "group", keys: ["b"], words: "tail by prompt" },
  { action: "best", keys: ["v"], words: "tail: best, worst" },
  { action: "filter", keys: ["/"], words: "filter; figures by regex", hint: "filter" },
  {
    action: "step",
    keys: ["[", "]"],
    pair: true,
    words: "iteration back, forth",
    hint: "iteration",
  },
  { action: "leap", keys: ["{", "}"], pair: true, words: "many iterations" },
  { action: "zoom", keys: ["+", "-", "="], pair: true, words: "zoom in, out" },
  { action: "log-axis", keys: ["y"], words: "log axis, linear" },
  { action: "smooth", keys: ["a"], words: "smooth over 10, 50, off" },
  { action: "reveal", keys: ["t"], words: "reveal texts", hint: "text" },
  { action: "what-if", keys: ["w"], words: "what if: rank anew", hint: "what if" },
  { action: "follow", keys: [" "], words: "events, log: hold, follow" },
  { action: "pause", keys: ["p"], words: "pause, continue", hint: "pause" },
  { action: "checkpoint", keys: ["s"], words: "save a checkpoint" },
  { action: "evaluate", keys: ["e"], words: "evaluate now" },
  { action: "stop", keys: ["x"], words: "stop the run (asks)" },
  { action: "suspend", keys: ["ctrl-z"], words: "suspend a view; fg returns" },
  { action: "interrupt", keys: ["ctrl-c"], words: "stop run, twice: now; leave view" },
] as const satisfies KeyTable;

export type DashboardAction = ActionOf<typeof dashboardKeys>;

type ActionHint = readonly [action: DashboardAction, words: string];

const step: ActionHint = ["step", "past"];
const full: ActionHint = ["full", "full"];
const panel: ActionHint = ["panel", "panel"];
const reveal: ActionHint = ["reveal", "text"];
const filter: ActionHint = ["filter", "filter"];
const whatIf: ActionHint = ["what-if", "what if"];
const charts: readonly ActionHint[] = [panel, full, step, whatIf, ["side", "trial"]];
const figures: readonly ActionHint[] = [
  ["filter", "figures"],
  ["move", "one"],
  ["log-axis", "log"],
  ["smooth", "smooth"],
  ...charts,
];

/** Which keys are worth a place in the last line beside those of all panels. */
const ofPanel: Readonly<Record<PanelId, readonly ActionHint[]>> = {
  risk: charts,
  training: figures,
  tail: [["open", "read"], reveal, ["best", "best"], filter, full, step, whatIf],
  "what-if": [["side", "alpha"], ["move", "measure"], ["what-if", "leave it"], step, full],
  events: [filter, ["follow", "hold"], full],
  log: [["move", "scroll"], ["follow", "hold"], full],
};

const ofOverview: readonly ActionHint[] = [
  ["open", "open the trial"],
  ["pause", "pause"],
  ["move", "trial"],
  ["side", "figure"],
  ["filter", "find a figure"],
  ["log-axis", "log"],
  ["smooth", "smooth"],
  ["stop", "stop"],
  ["checkpoint", "checkpoint"],
  ["evaluate", "evaluate"],
];

const ofPage: readonly ActionHint[] = [["back", "back"], ["move", "scroll"], reveal];

/** Ctrl-C says nothing in a view that it only leaves. */
export interface InterruptFacts {
  /** The run lives in this process, and is not over. */
  readonly stopsWithView: boolean;
  readonly stopping: boolean;
}

/** A panel's own keys that come before those of the run: at 80 columns there is room for some eight. */
const ownFirst = 2;

/** Help and leaving first, then the panel's own; each key once. */
export function dashboardHints(
  { overview, focus, history }: Pick<ViewState, "overview" | "focus" | "history">,
  { stopsWithView, stopping }: InterruptFacts,
  style: ViewStyle,
): Hint[] {
  const [help, leave, ...others] = dashboardKeys.flatMap((binding): ActionHint[] =>
    "hint" in binding ? [[binding.action, binding.hint]] : [],
  );
  const interrupt: ActionHint = ["interrupt", stopping ? "once more: now" : "stop, twice: now"];
  const own = overview
    ? ofOverview
    : focus === "tail" && history !== null
      ? ofPage
      : ofPanel[focus];
  const rest = overview ? [] : others;
  const ofRun: readonly ActionHint[] = overview
    ? []
    : [
        ["overview", "trials"],
        ["pause", "pause"],
      ];
  const all = [
    ...[help!, leave!],
    ...(stopsWithView ? [interrupt] : []),
    ...own.slice(0, ownFirst),
    ...ofRun,
    ...own.slice(ownFirst),
    ...rest,
  ];
  return all
    .filter(([action], at) => all.findIndex(([other]) => other === action) === at)
    .map(([action, words]) => {
      const binding = dashboardKeys.find((key) => key.action === action)!;
      return { label: hintLabel(binding, style.unicode), words };
    });
}
