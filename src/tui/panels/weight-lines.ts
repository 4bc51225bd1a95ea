/** Episodes by weight in the run and in the question, and which of the two keeps them. */
import type { Episodes } from "../../journal/events.js";
import type { WhatIf } from "../../run-model/what-if.js";
import { formatNumber } from "../../text/numbers.js";
import type { Line, Look, ViewStyle } from "../line.js";
import { heading } from "./field.js";
import { firstRow } from "./scrolled.js";
import { tableLines } from "./table-lines.js";

const marks = {
  both: { mark: "=", look: {} },
  added: { mark: "+", look: { color: "green" } },
  removed: { mark: "-", look: { color: "red" } },
} as const satisfies Record<string, { mark: string; look: Look }>;

/** Columns of a list that is not full, where weights are below 100. */
export const shortWeights = 29;

export interface WeightRoom {
  readonly rows: number;
  /** False: an episode's place in the batch is left out. */
  readonly isFull: boolean;
}

/** Episodes that either keeps, lowest return first. */
export function weightLines(
  offset: number,
  episodes: Episodes,
  { weights }: WhatIf,
  { rows, isFull }: WeightRoom,
  style: ViewStyle,
): Line[] {
  const kept = [...weights.keys()]
    .filter((at) => weights[at]! > 0 || episodes.weight[at]! > 0)
    .sort((a, b) => (episodes.return[a] ?? 0) - (episodes.return[b] ?? 0) || a - b);
  const room = Math.max(0, rows - 2);
  const first = firstRow({ count: kept.length, selected: null, offset, room });
  const shown = kept.slice(first, first + room);
  const figure = (value: number | null): string => formatNumber(value, 2, style);
  const weightText = (value: number): string => (value > 0 ? figure(value) : "0");
  const table = tableLines(
    ["", ...(isFull ? ["#"] : []), "prompt", "return", "run", "if"],
    shown.map((at) => {
      const [was, is] = [episodes.weight[at]!, weights[at]!];
      const { mark, look } = was > 0 ? (is > 0 ? marks.both : marks.removed) : marks.added;
      return {
        cells: [
          mark,
          ...(isFull ? [String(at)] : []),
          String(episodes.prompt[at]),
          figure(episodes.return[at] ?? null),
          weightText(was),
          weightText(is),
        ],
        look,
      };
    }),
  );
  const range =
    kept.length === 0 ? "" : `${first + 1} to ${first + shown.length} of ${kept.length}`;
  return [heading("Weights", range), ...table];
}
