/** Experiments as rows: name, arms × seeds, time, purpose. */

import { formatDuration } from "../../text/numbers.js";
import { pad } from "../../text/width.js";
import type { Line, ViewStyle } from "../terminal/line.js";
import type { ExperimentEntry } from "./launcher-ports.js";
import type { ListState } from "./list-state.js";
import { cut, emphasis, longest, nameWidth, narrow, pointer, waiting } from "./row-pieces.js";

export function experimentLines(
  state: ListState,
  entries: readonly ExperimentEntry[],
  columns: number,
  style: ViewStyle,
): Line[] {
  if (state.experiments === null) {
    return [waiting(style)];
  }
  if (entries.length === 0) {
    const none =
      state.experiments.length === 0 ? "none in configs/experiments" : "none with this filter";
    return [[{ text: `  ${none}`, dim: true }]];
  }
  const name = nameWidth(
    entries.map(({ id }) => id),
    columns,
    style,
  );
  const plans = entries.map((entry) => planText(entry, style));
  const plan = longest(plans);
  const times = entries.map((entry) => timeText(entry, style));
  const time = longest(times);
  return entries.map((entry, at) => {
    const chosen = state.cursor?.kind === "experiment" && state.cursor.id === entry.id;
    return [
      pointer(chosen, style),
      { text: pad(cut(entry.id, name, style), name, "left"), ...emphasis(chosen) },
      { text: `  ${pad(plans[at]!, plan, "left")}` },
      {
        text: `  ${pad(times[at]!, time, "left")}`,
        ...(entry.problems.length > 0 ? { color: "red" as const } : {}),
      },
      ...(columns < narrow ? [] : [{ text: `  ${entry.purpose}`, dim: true }]),
    ];
  });
}

/** `5 arms × 1 seed` */
function planText({ arms, seeds }: ExperimentEntry, style: ViewStyle): string {
  const times = style.unicode ? "×" : "x";
  return arms.length === 0
    ? ""
    : `${counted(arms.length, "arm")} ${times} ${counted(seeds.length, "seed")}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function timeText({ seconds, problems }: ExperimentEntry, style: ViewStyle): string {
  if (problems.length > 0) {
    return "cannot be read";
  }
  return seconds === null ? "no estimate yet" : `about ${formatDuration(seconds, style)}`;
}
