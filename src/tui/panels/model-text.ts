/** Texts of models and data as one line of cells: made safe, masked, and within what a terminal shows. */
import { maskText, safeText } from "../../text/safe-text.js";
import type { ViewStyle } from "../line.js";

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

/** May still be wider than the room: cut or wrap it. */
export function modelText(text: string, { revealed, room, style }: ModelTextOptions): string {
  const most = Math.max(1, room) * charactersACell;
  const safe = safeText(text.length <= most ? text : wholeCharacters(text, most));
  const shown = revealed ? safe : maskText(safe);
  const mark = text.length <= most ? "" : style.unicode ? "…" : "~";
  return forTerminal(shown + mark, style);
}

/** The whole text, a line for each of its own; for a place where all of it can be scrolled to. */
export function modelParagraphs(
  text: string,
  { revealed, style }: Omit<ModelTextOptions, "room">,
): string[] {
  const safe = safeText(text, { multiline: true });
  const shown = revealed ? safe : maskText(safe);
  return shown.split("\n").map((line) => forTerminal(line, style));
}

/** Never half of a surrogate pair. */
function wholeCharacters(text: string, most: number): string {
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most);
}

/** Without UTF-8 a character that cannot be shown is a question mark, never a wrong one. */
export function forTerminal(text: string, { unicode }: ViewStyle): string {
  return unicode
    ? text
    : text
        .replaceAll("·", ".")
        .replaceAll("⏎", "/")
        .replaceAll("⟨", "<")
        .replaceAll("⟩", ">")
        .replaceAll("−", "-")
        .replaceAll("…", "~")
        .replace(/[^\x20-\x7e]/gu, "?");
}
