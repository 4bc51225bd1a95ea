/** One line of a view before it is drawn: runs of text, each with its look. */
import { displayWidth, truncate } from "../text/width.js";

export interface Segment {
  readonly text: string;
  readonly bold?: boolean;
  readonly dim?: boolean;
  /** Where a selection is; something in the text has to say so, too. */
  readonly inverse?: boolean;
  /** Of the 16 that the terminal's own theme defines, readable on dark and on light. */
  readonly color?: "green" | "red" | "yellow" | "cyan" | "magenta" | "blue";
}

/** How a segment looks, without what it says. */
export type Look = Omit<Segment, "text">;

export type Line = readonly Segment[];

/** What the terminal can show. Without colour, bold, dim and inverse are left out too. */
export interface ViewStyle {
  readonly unicode: boolean;
  readonly color: boolean;
}

/** Characters of width one that frames are full of: axes, blocks, braille, Greek, Latin. */
const narrow =
  /^[\x20-\x7e\xa1-\xac\xae-\u02af\u0391-\u03c9\u2010-\u2026\u2190-\u21ff\u2212\u2500-\u25c9\u2800-\u28ff]*$/;

/** As `displayWidth`, without taking apart what needs no taking apart: frames are drawn often. */
function textWidth(text: string): number {
  return narrow.test(text) ? text.length : displayWidth(text);
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + textWidth(text), 0);
}

/** The line cut to `width` columns; a frame whose lines wrap would outgrow the terminal. */
export function fitLine(line: Line, width: number, { unicode }: ViewStyle): Line {
  if (lineWidth(line) <= width) {
    return line;
  }
  const fitted: Segment[] = [];
  let room = width;
  for (const segment of line) {
    const used = textWidth(segment.text);
    if (used >= room) {
      const cut = used === room ? `${segment.text} ` : segment.text;
      fitted.push({ ...segment, text: truncate(cut, room, unicode ? "…" : "~") });
      break;
    }
    fitted.push(segment);
    room -= used;
  }
  return fitted;
}

/** Packs fields into as few lines as hold them, two spaces between, none broken. */
export function flowFields(fields: readonly Line[], width: number, indent: number): Line[] {
  const margin: Segment = { text: " ".repeat(indent) };
  const lines: Segment[][] = [];
  let used = 0;
  for (const field of fields) {
    const last = lines.at(-1);
    const needed = lineWidth(field);
    if (last !== undefined && used + 2 + needed <= width) {
      last.push({ text: "  " }, ...field);
      used += 2 + needed;
    } else {
      lines.push([margin, ...field]);
      used = indent + needed;
    }
  }
  return lines;
}

/** The first of several ways to say something that fits whole; the last, cut, where none does. */
export function firstThatFits(ways: readonly Line[], width: number, style: ViewStyle): Line {
  return ways.find((line) => lineWidth(line) <= width) ?? fitLine(ways.at(-1) ?? [], width, style);
}

/** The line cut or filled up with spaces to exactly `width` columns. */
export function padLine(line: Line, width: number, style: ViewStyle): Line {
  const fitted = fitLine(line, width, style);
  const space = width - lineWidth(fitted);
  return space <= 0 ? fitted : [...fitted, { text: " ".repeat(space) }];
}

/** What a line says, without its look. */
export function lineText(line: Line): string {
  return line.map(({ text }) => text).join("");
}

/** A block of lines that stands in a column of its own. */
export interface Column {
  readonly lines: readonly Line[];
  readonly width: number;
}

/** Blocks side by side, `gap` columns apart; as many lines as the highest has. */
export function besides(columns: readonly Column[], gap: number, style: ViewStyle): Line[] {
  const rows = Math.max(0, ...columns.map(({ lines }) => lines.length));
  return Array.from({ length: rows }, (_, row) =>
    columns.flatMap(({ lines, width }, at): Line => {
      const space: Line = at === 0 ? [] : [{ text: " ".repeat(gap) }];
      return [...space, ...padLine(lines[row] ?? [], width, style)];
    }),
  );
}
