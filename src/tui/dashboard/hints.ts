/** Which keys are worth a place in the last line: those of the panel in focus before those of all. */
import { type DashboardAction, dashboardKeys } from "./keys.js";
import type { ViewState } from "./view-state.js";

export interface Hint {
  readonly action: DashboardAction;
  readonly words: string;
}

const step: Hint = { action: "step", words: "step" };
const full: Hint = { action: "full", words: "full" };
const panel: Hint = { action: "panel", words: "panel" };
const reveal: Hint = { action: "reveal", words: "text" };
const filter: Hint = { action: "filter", words: "filter" };
const whatIf: Hint = { action: "what-if", words: "what if" };
const trial: Hint = { action: "side", words: "trial" };

const ofPanel: Readonly<Record<ViewState["focus"], readonly Hint[]>> = {
  risk: [panel, full, step, whatIf, trial],
  training: [panel, full, step, whatIf, trial],
  tail: [{ action: "open", words: "read" }, reveal, filter, full, step, whatIf],
  "what-if": [
    { action: "side", words: "alpha" },
    { action: "move", words: "measure" },
    { action: "what-if", words: "leave it" },
    step,
    full,
  ],
  events: [filter, { action: "follow", words: "hold" }, full],
};

const ofPage: readonly Hint[] = [
  { action: "move", words: "scroll" },
  reveal,
  { action: "back", words: "back" },
];

/** Help and leaving first; each key once; what does not fit is left out from the end. */
export function hintsOf({ focus, history }: Pick<ViewState, "focus" | "history">): Hint[] {
  const own = focus === "tail" && history !== null ? ofPage : ofPanel[focus];
  const general = dashboardKeys.flatMap((binding): Hint[] =>
    "hint" in binding ? [{ action: binding.action, words: binding.hint }] : [],
  );
  const [help, leave, ...others] = general;
  const all = [help!, leave!, ...own, ...others];
  return all.filter(({ action }, at) => all.findIndex((hint) => hint.action === action) === at);
}
