/** One line of a view before it is drawn: runs of text, each with its look. */
import { displayWidth, truncate } from "../report/display-width.js";

export interface Segment {
  readonly text: string;
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly color?: "green" | "red" | "yellow" | "cyan";
}

export type Line = readonly Segment[];

/** What the terminal can show. Without colour, bold and dim are left out too. */
export interface ViewStyle {
  readonly unicode: boolean;
  readonly color: boolean;
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + displayWidth(text), 0);
}

/** The line cut to `width` columns; a frame whose lines wrap would outgrow the terminal. */
export function fitLine(line: Line, width: number, { unicode }: ViewStyle): Line {
  if (lineWidth(line) <= width) {
    return line;
  }
  const fitted: Segment[] = [];
  let room = width;
  for (const segment of line) {
    const used = displayWidth(segment.text);
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
