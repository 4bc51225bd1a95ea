/** What rows of lists and of the form have in common. */
import { displayWidth } from "../../text/width.js";
import { cutText, type Line, type Segment, type ViewStyle } from "../terminal/line.js";
import { plainText } from "../terminal/plain-text.js";

const widestName = 34;
/** Columns under which names give way to figures. */
export const narrow = 76;

export function waiting(style: ViewStyle): Line {
  return [{ text: `  reading${style.unicode ? "…" : "..."}`, dim: true }];
}

export function pointer(chosen: boolean, { unicode }: ViewStyle): Segment {
  return chosen ? { text: unicode ? "▸ " : "> ", color: "cyan", bold: true } : { text: "  " };
}

export function emphasis(chosen: boolean): Partial<Segment> {
  return chosen ? { bold: true, inverse: true } : {};
}

/** Columns for the names of a list. */
export function nameWidth(names: readonly string[], columns: number, style: ViewStyle): number {
  const most = Math.min(widestName, Math.max(12, Math.floor(columns * 0.36)));
  return Math.min(most, longest(names.map((name) => plainText(name, style))));
}

export function cut(text: string, width: number, style: ViewStyle): string {
  return cutText(plainText(text, style), width, style);
}

/** Columns of the widest. */
export function longest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(displayWidth));
}

/** All of the lines, or as many as there may be, the last cut where the screen ends. */
export function firstLines(lines: readonly string[], most: number): string[] {
  return lines.length <= most
    ? [...lines]
    : [...lines.slice(0, most - 1), lines.slice(most - 1).join(" ")];
}
