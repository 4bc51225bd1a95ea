/** The help screen, drawn from the key table in as many columns as fit. */
import { displayWidth, pad } from "../../text/width.js";
import { besides, type Column, fitLine, type Line, type ViewStyle } from "../line.js";
import { wordLines } from "./help-words.js";
import { dashboardKeys, shortLabel } from "./keys.js";
import type { ScreenSize } from "./layout.js";

const gap = 2;

/** @param first line of the list to begin with; beyond the end: the last that fills the screen */
export function helpLines({ columns, rows }: ScreenSize, first: number, style: ViewStyle): Line[] {
  const height = linesOf(rows);
  const title: Line = [
    { text: "Keys", bold: true },
    { text: "  Esc or ? closes this", dim: true },
  ];
  const list = listLines(columns, style);
  const room = roomOf(rows);
  const from = Math.max(0, Math.min(first, list.length - room));
  const shown = list.slice(from, from + room);
  const more =
    list.length > room && shown.length > 0
      ? [{ text: "  j, k, PgUp, PgDn scroll", dim: true }]
      : [];
  return [[...title, ...more], [], ...shown]
    .slice(0, height)
    .map((line) => fitLine(line, columns, style));
}

/** What the last page of the list begins with. */
export function lastHelpLine({ columns, rows }: ScreenSize, style: ViewStyle): number {
  return Math.max(0, listLines(columns, style).length - roomOf(rows));
}

function linesOf(rows: number): number {
  return Math.max(0, rows - 1);
}

/** Lines of the list below the title. */
function roomOf(rows: number): number {
  return Math.max(0, linesOf(rows) - 2);
}

function listLines(columns: number, style: ViewStyle): Line[] {
  const entries = dashboardKeys.map((binding) => ({
    label: shortLabel(binding, style.unicode),
    words: binding.words,
  }));
  for (let across = entries.length; ; across -= 1) {
    const down = Math.ceil(entries.length / across);
    const blocks = Array.from({ length: Math.ceil(entries.length / down) }, (_, column) =>
      blockOf(entries.slice(column * down, (column + 1) * down)),
    );
    const width = blocks.reduce((sum, block) => sum + block.width + gap, -gap);
    if (width <= columns || across === 1) {
      return [...besides(blocks, gap, style), [], ...wordLines(columns, style)];
    }
  }
}

interface Entry {
  readonly label: string;
  readonly words: string;
}

function blockOf(entries: readonly Entry[]): Column {
  const labels = Math.max(...entries.map(({ label }) => displayWidth(label)));
  return {
    width: labels + 1 + Math.max(...entries.map(({ words }) => displayWidth(words))),
    lines: entries.map(({ label, words }) => [
      { text: pad(label, labels, "left"), bold: true },
      { text: ` ${words}` },
    ]),
  };
}
