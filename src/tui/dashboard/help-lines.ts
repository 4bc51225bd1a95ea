/** The help screen, drawn from the key table in as many columns as fit. */
import { displayWidth, pad } from "../../report/display-width.js";
import { fitLine, type Line, type Segment, type ViewStyle } from "../line.js";
import { dashboardKeys, shortLabel } from "./keys.js";
import type { ScreenSize } from "./layout.js";

const gap = 2;

/** @param first line of the list to begin with; beyond the end: the last that fills the screen */
export function helpLines({ columns, rows }: ScreenSize, first: number, style: ViewStyle): Line[] {
  const height = Math.max(0, rows - 1);
  const title: Line = [
    { text: "Keys", bold: true },
    { text: "  Esc or ? closes this", dim: true },
  ];
  const list = listLines(columns, style);
  const room = Math.max(0, height - 2);
  const from = Math.max(0, Math.min(first, list.length - room));
  const shown = list.slice(from, from + room);
  const more = list.length > room && shown.length > 0 ? [{ text: "  j, k scroll", dim: true }] : [];
  return [[...title, ...more], [], ...shown]
    .slice(0, height)
    .map((line) => fitLine(line, columns, style));
}

function listLines(columns: number, style: ViewStyle): Line[] {
  const entries = dashboardKeys.map((binding) => ({
    label: shortLabel(binding, style.unicode),
    words: binding.words,
  }));
  const labelWidth = Math.max(...entries.map(({ label }) => displayWidth(label)));
  const width = labelWidth + 1 + Math.max(...entries.map(({ words }) => displayWidth(words)));
  const across = Math.max(1, Math.floor((columns + gap) / (width + gap)));
  const down = Math.ceil(entries.length / across);
  return Array.from({ length: down }, (_, row) =>
    Array.from({ length: across }, (_, column) => entries[column * down + row])
      .filter((entry) => entry !== undefined)
      .flatMap(({ label, words }): Segment[] => [
        { text: pad(label, labelWidth, "left"), bold: true },
        { text: ` ${pad(words, width - labelWidth - 1 + gap, "left")}` },
      ]),
  );
}
