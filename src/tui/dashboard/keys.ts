/** Every key of the dashboard. Key presses, help screen and hints read this one table. */
import { type KeyBinding, type KeyTable, keyLabel } from "../key-table.js";

export const dashboardKeys = [
  { action: "help", keys: ["?"], words: "this help", hint: "help" },
  { action: "leave", keys: ["q"], words: "leave the view", hint: "leave" },
  { action: "back", keys: ["escape"], words: "back; newest step" },
  { action: "focus", keys: ["tab", "shift-tab"], words: "next panel, former" },
  { action: "panel", keys: ["1", "2", "3", "4", "5"], words: "panel by number", hint: "panel" },
  { action: "full", keys: ["f"], words: "panel on full screen", hint: "full" },
  { action: "move", keys: ["up", "down", "k", "j"], words: "row; chart; measure" },
  { action: "side", keys: ["left", "right", "h", "l"], words: "trial; what-if: alpha" },
  { action: "page", keys: ["page-up", "page-down"], words: "ten rows" },
  { action: "ends", keys: ["home", "end", "g", "G"], words: "first, last" },
  { action: "open", keys: ["enter"], words: "texts whole; history" },
  { action: "filter", keys: ["/"], words: "filter tail, events", hint: "filter" },
  { action: "step", keys: ["[", "]"], words: "step back, forth", hint: "step" },
  { action: "leap", keys: ["{", "}"], words: "many steps" },
  { action: "zoom", keys: ["+", "-", "="], words: "zoom in, out" },
  { action: "reveal", keys: ["t"], words: "reveal texts", hint: "text" },
  { action: "what-if", keys: ["w"], words: "what if: rank anew", hint: "what if" },
  { action: "follow", keys: [" "], words: "events: hold, follow" },
  { action: "pause", keys: ["p"], words: "pause, continue", hint: "pause" },
  { action: "checkpoint", keys: ["s"], words: "save a checkpoint" },
  { action: "evaluate", keys: ["e"], words: "evaluate now" },
  { action: "stop", keys: ["x"], words: "stop the run (asks)" },
  { action: "interrupt", keys: ["ctrl-c"], words: "run: stop, twice: now; view: leave" },
] as const satisfies KeyTable;

export type DashboardAction = (typeof dashboardKeys)[number]["action"];

const short: Readonly<Record<string, string>> = { panel: "1-5", page: "PgUp PgDn" };

/** How a key is called where room is scarce. */
export function shortLabel(binding: KeyBinding, unicode: boolean): string {
  return short[binding.action] ?? keyLabel(binding, unicode);
}
