/** Runs as rows: state, name, how far it came, its tail, and when. */

import type { RunSummary, RunSummaryState } from "../../run-model/run-summary.js";
import { formatNumber } from "../../text/numbers.js";
import { pad } from "../../text/width.js";
import type { Line, Segment, ViewStyle } from "../terminal/line.js";
import { plainText } from "../terminal/plain-text.js";
import { chosenExperiment, type ListState } from "./list-state.js";
import { cut, emphasis, longest, nameWidth, narrow, pointer, waiting } from "./row-pieces.js";

/** State in a sign and a word: colour is never the only sign. */
const stateSigns: Readonly<
  Record<RunSummaryState, readonly [unicode: string, ascii: string, look: Partial<Segment>]>
> = {
  running: ["●", "*", { color: "green", bold: true }],
  paused: ["‖", "=", { color: "yellow", bold: true }],
  stopping: ["◐", "~", { color: "yellow", bold: true }],
  stopped: ["○", "o", { dim: true }],
  interrupted: ["○", "o", { dim: true }],
  done: ["✓", "+", {}],
  failed: ["✗", "x", { color: "red" }],
  damaged: ["!", "!", { color: "red" }],
  incompatible: ["!", "!", { color: "red" }],
};

export function runLines(
  state: ListState,
  entries: readonly RunSummary[],
  columns: number,
  now: Date,
  style: ViewStyle,
): Line[] {
  if (state.runs === null) {
    return [waiting(style)];
  }
  if (entries.length === 0) {
    return state.runs.length === 0
      ? firstRunLines(state)
      : [[{ text: "  none with this filter", dim: true }]];
  }
  const name = nameWidth(
    entries.map(({ id }) => id),
    columns,
    style,
  );
  const states = entries.map(({ state: word }) => stateSigns[word][style.unicode ? 0 : 1]);
  const word = longest(entries.map((entry) => entry.state));
  const unit = columns >= 100 ? " trials" : "";
  const trials = entries.map(({ trialsDone, trials: all }) => `${trialsDone}/${all}${unit}`);
  const trialWidth = longest(trials);
  const steps = entries.map((entry) => stepText(entry, columns >= narrow));
  const stepWidth = Math.min(columns >= 110 ? 40 : 24, longest(steps));
  const tails = entries.map(({ cvar }) =>
    cvar === null ? "" : `CVaR ${formatNumber(cvar, 2, style)}`,
  );
  const tailWidth = longest(tails);
  return entries.map((entry, at) => {
    const chosen = state.cursor?.kind === "run" && state.cursor.id === entry.id;
    const look = stateSigns[entry.state][2];
    return [
      pointer(chosen, style),
      markOf(state.marked.includes(entry.id), style),
      { text: `${states[at]!} ${pad(entry.state, word, "left")}  `, ...look },
      { text: pad(cut(entry.id, name, style), name, "left"), ...emphasis(chosen) },
      { text: `  ${pad(cut(steps[at]!, stepWidth, style), stepWidth, "left")}` },
      { text: `  ${pad(tails[at]!, tailWidth, "left")}` },
      { text: `  ${pad(trials[at]!, trialWidth, "right")}`, dim: true },
      { text: `  ${whenText(entry, now)}`, dim: true },
      ...notesOf(entry, columns, style),
    ];
  });
}

/** Title and tags, where there is room for them. */
function notesOf({ title, tags }: RunSummary, columns: number, style: ViewStyle): Line {
  const words = [title, ...tags.map((tag) => `#${tag}`)].filter((word) => word !== "");
  return columns < narrow || words.length === 0
    ? []
    : [{ text: `  ${plainText(words.join(" "), style)}`, color: "cyan" }];
}

function markOf(marked: boolean, { unicode }: ViewStyle): Segment {
  return marked ? { text: unicode ? "◆ " : "# ", color: "cyan" } : { text: "  " };
}

/** `ra-rlhf-s0 24/60`; `24/60` where there is little room */
function stepText({ trial, step, iterations }: RunSummary, named: boolean): string {
  if (trial === null) {
    return "";
  }
  const done = iterations === null ? `${step}` : `${step}/${iterations}`;
  return named ? `${trial} ${done}` : done;
}

/** What somebody sees who has never run anything. */
function firstRunLines(state: ListState): Line[] {
  const startable = [chosenExperiment(state), ...(state.experiments ?? [])];
  const experiment = startable.find((entry) => entry?.problems.length === 0)?.id ?? null;
  const start: Line =
    experiment === null
      ? [{ text: "  No run yet, and no experiment to start." }]
      : [
          { text: "  No run yet. Press " },
          { text: "n", bold: true, color: "cyan" },
          { text: ` to start ${experiment}, ` },
          { text: "?", bold: true, color: "cyan" },
          { text: " for all keys." },
        ];
  return [start];
}

/** When a run that goes on will be done, or when another was started. */
function whenText({ etaSeconds, started }: RunSummary, now: Date): string {
  return etaSeconds === null ? agoText(started, now) : leftText(etaSeconds);
}

/** `just now` · `5 m ago` · `3 h ago` · `12 d ago`; empty where it is not known. */
export function agoText(time: string | null, now: Date): string {
  const then = time === null ? Number.NaN : Date.parse(time);
  const minutes = Math.floor((now.getTime() - then) / 60_000);
  if (Number.isNaN(minutes)) {
    return "";
  }
  return minutes < 1 ? "just now" : `${roughly(minutes)} ago`;
}

/** `<1 m left` · `5 m left` · `3 h left` */
export function leftText(seconds: number): string {
  return seconds < 60 ? "<1 m left" : `${roughly(Math.round(seconds / 60))} left`;
}

function roughly(minutes: number): string {
  if (minutes < 100) {
    return `${minutes} m`;
  }
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`;
}
