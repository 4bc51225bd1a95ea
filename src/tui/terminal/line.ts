/** One line of a view before it is drawn: runs of text, each with its look. */
import { displayWidth, truncate } from "../../text/width.js";

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

/** A rectangle of cells. */
export interface Size {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + displayWidth(text), 0);
}

/** The text cut to `width` columns, with a mark where something was cut off. */
export function cutText(text: string, width: number, { unicode }: ViewStyle): string {
  return truncate(text, width, unicode ? "…" : "~");
}

/** The line cut to `width` columns; a frame whose lines wrap would outgrow the terminal. */
export function fitLine(line: Line, width: number, style: ViewStyle): Line {
  if (lineWidth(line) <= width) {
    return line;
  }
  const fitted: Segment[] = [];
  let room = width;
  for (const segment of line) {
    const used = displayWidth(segment.text);
    if (used >= room) {
      const cut = used === room ? `${segment.text} ` : segment.text;
      fitted.push({ ...segment, text: cutText(cut, room, style) });
      break;
    }
    fitted.push(segment);
    room -= used;
  }
  return fitted;
}

/** The line cut or filled up with spaces to exactly `width` columns. */
export function padLine(line: Line, width: number, style: ViewStyle): Line {
  const fitted = fitLine(line, width, style);
  const space = width - lineWidth(fitted);
  return space <= 0 ? fitted : [...fitted, { text: " ".repeat(space) }];
}

/** Packs fields into as few lines as hold them, two spaces between, none broken. */
export function flowFields(fields: readonly Line[], width: number, indent = 0): Line[] {
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

/** Fields one behind the other. */
export function joinFields(fields: readonly Line[]): Line {
  return flowFields(fields, Number.POSITIVE_INFINITY)[0] ?? [];
}

/** The first of several ways to say something that fits whole; the last, cut, where none does. */
export function firstThatFits(ways: readonly Line[], width: number, style: ViewStyle): Line {
  return ways.find((line) => lineWidth(line) <= width) ?? fitLine(ways.at(-1) ?? [], width, style);
}
