/** Texts of models and data: made safe, masked, and within what a terminal shows. */
import { maskText, safeText } from "../../../text/safe-text.js";
import { wrapText } from "../../../text/width.js";
import type { Line, ViewStyle } from "../../terminal/line.js";

/**
 * Of a long text only this many characters a cell are looked at. Texts that need more of them (long
 * runs of combining marks) end earlier than they would have to, with the mark of a cut.
 */
const charactersACell = 2;

export interface ModelTextOptions {
  readonly revealed: boolean;
  /** Columns that the text can fill at most, over all its lines; what lies behind is not looked at. */
  readonly room: number;
  readonly style: ViewStyle;
}

/** On one line, which may still be wider than the room: cut or wrap it. */
export function modelText(text: string, { revealed, room, style }: ModelTextOptions): string {
  const most = Math.max(1, room) * charactersACell;
  const safe = safeText(text.length <= most ? text : wholeCharacters(text, most));
  const shown = revealed ? safe : maskText(safe);
  return text.length <= most ? shown : shown + (style.unicode ? "…" : "~");
}

/** Never half of a surrogate pair. */
function wholeCharacters(text: string, most: number): string {
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most);
}

export interface WrappedText {
  /** Stands before the first line; the others are indented by it. */
  readonly name: string;
  readonly text: string;
  /** Lines at most, ≥ 1. */
  readonly most: number;
  readonly width: number;
  /** False: masked. */
  readonly revealed: boolean;
}

/** Cut with a mark where it does not fit: the last line is wider than the width, for the caller to cut. */
export function wrappedText(given: WrappedText, style: ViewStyle): Line[] {
  const { name, text, most, width, revealed } = given;
  const indent = name.length + 1;
  const columns = Math.max(1, width - indent);
  const shown = modelText(text.trim(), { revealed, room: columns * most, style });
  const lines = wrapText(shown, columns);
  const kept =
    lines.length <= most ? lines : [...lines.slice(0, most - 1), lines.slice(most - 1).join(" ")];
  return kept.map(
    (line, at): Line => [
      { text: at === 0 ? `${name} ` : " ".repeat(indent), dim: true },
      { text: line },
    ],
  );
}

/** All of a text, its own line breaks kept; as many lines as it takes. */
export function wholeText(
  text: string,
  { width, revealed }: Pick<WrappedText, "width" | "revealed">,
): Line[] {
  const safe = safeText(text.trim(), { multiline: true });
  const shown = revealed ? safe : maskText(safe);
  return shown
    .split("\n")
    .flatMap((paragraph) =>
      wrapText(paragraph, Math.max(1, width)).map((line): Line => [{ text: line }]),
    );
}
