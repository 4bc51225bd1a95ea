/** What the rows of both lists have in common. */
import { displayWidth, truncate } from "../../text/width.js";
import type { Line, Segment, ViewStyle } from "../line.js";
import { plainText } from "./plain-text.js";

const widestName = 34;
/** Columns under which names give way to figures. */
export const narrow = 76;

export function waiting(style: ViewStyle): Line {
  return [{ text: `  reading${style.unicode ? "…" : "..."}`, dim: true }];
}

export function pointer(chosen: boolean, { unicode }: ViewStyle): Segment {
  return chosen ? { text: unicode ? "▸ " : "> ", color: "cyan", bold: true } : { text: "  " };
}

export function mark(marked: boolean, { unicode }: ViewStyle): Segment {
  return marked ? { text: unicode ? "◆ " : "# ", color: "cyan" } : { text: "  " };
}

export function emphasis(chosen: boolean): Partial<Segment> {
  return chosen ? { bold: true, inverse: true } : {};
}

export function nameWidth(
  entries: readonly { readonly id: string }[],
  columns: number,
  style: ViewStyle,
): number {
  const most = Math.min(widestName, Math.max(12, Math.floor(columns * 0.36)));
  return Math.min(most, longest(entries.map(({ id }) => plainText(id, style))));
}

export function cut(text: string, width: number, style: ViewStyle): string {
  return truncate(plainText(text, style), width, style.unicode ? "…" : "~");
}

/** Columns of the widest. */
export function longest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(displayWidth));
}
