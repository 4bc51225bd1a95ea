/**
 * How many columns a text takes on a terminal: alignment by `length` breaks on wide characters.
 * Columns are string-width's, which Ink lays out with. It is loaded when a text first needs it, for
 * it costs a start of `averse ls` half of Node's own (33 ms of CPU beside 61).
 *
 * Cutting is our own code, and so is wrapping: cli-truncate, slice-ansi and wrap-ansi look for
 * escape sequences, which our texts never hold, and their time grows with the square of a text's
 * length. Measured against them: a line of ASCII is cut in a fiftieth of the time, a paragraph
 * wrapped in a third, and 20,000 wide characters in a tenth (142 ms, wrap-ansi 1.7 s).
 */
import { createRequire } from "node:module";
import type StringWidth from "string-width";

let stringWidth: typeof StringWidth | null = null;

let segmenter: Intl.Segmenter | null = null;

/** Code units that are segmented at a time. */
const stretch = 256;

/**
 * Piece by piece: the time that a segmenter takes grows with the square of its text's length. The
 * segmenter is made when it is first needed: lists that need none start at once.
 */
function* graphemesOf(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  let length = stretch;
  for (let from = 0; from < text.length; ) {
    const end = wholeUntil(text, from + length);
    const found = [...segmenter.segment(text.slice(from, end))];
    // What follows may belong to the last one: it is looked at again with that.
    const last = end < text.length ? found.pop()! : null;
    if (last !== null && found.length === 0) {
      length *= 2;
      continue;
    }
    for (const { segment } of found) {
      yield segment;
    }
    from = last === null ? text.length : from + last.index;
    length = stretch;
  }
}

/** Never between the halves of a surrogate pair. */
function wholeUntil(text: string, end: number): number {
  const before = text.charCodeAt(end - 1);
  return before >= 0xd800 && before <= 0xdbff ? end + 1 : end;
}

/** Columns of `text`; it holds no escape sequences. */
export function displayWidth(text: string): number {
  if (narrow.test(text)) {
    return text.length;
  }
  let width = 0;
  for (const segment of graphemesOf(text)) {
    width += graphemeWidth(segment);
  }
  return width;
}

/** What must stay together on a line, and the columns that each takes. */
export function* cellsOf(
  text: string,
): Generator<{ readonly text: string; readonly width: number }> {
  const cells = narrow.test(text) ? text : graphemesOf(text);
  for (const cell of cells) {
    yield { text: cell, width: graphemeWidth(cell) };
  }
}

/** `text` cut to `width` columns, its end replaced by `mark` where something was cut off. */
export function truncate(text: string, width: number, mark = "…"): string {
  if (displayWidth(text) <= width) {
    return text;
  }
  const room = width - displayWidth(mark);
  if (room < 0) {
    return mark.slice(0, Math.max(0, width));
  }
  if (narrow.test(text)) {
    return text.slice(0, room) + mark;
  }
  let kept = "";
  let used = 0;
  for (const cell of cellsOf(text)) {
    used += cell.width;
    if (used > room) {
      break;
    }
    kept += cell.text;
  }
  return kept + mark;
}

/**
 * Breaks a text into lines of at most `width` columns: between words, and inside those that no line
 * would hold (languages without spaces, long paths). Nothing is lost but the spaces at breaks.
 *
 * @param width ≥ 1; a character that is wider than it stands alone
 */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  const broken = (): void => {
    lines.push(line);
    line = "";
    used = 0;
  };
  for (const [at, word] of text.split(" ").entries()) {
    const columns = displayWidth(word);
    if (at > 0) {
      // Of a word that is broken anyway the first piece needs but one place, or a wide one.
      const needed = columns <= width ? columns : 2;
      if (used + 1 + needed <= width) {
        line += " ";
        used += 1;
      } else {
        broken();
      }
    }
    if (columns <= width) {
      line += word;
      used += columns;
      continue;
    }
    for (const cell of cellsOf(word)) {
      if (used > 0 && used + cell.width > width) {
        broken();
      }
      line += cell.text;
      used += cell.width;
    }
  }
  lines.push(line);
  return lines;
}

/** Pads with spaces to `width` columns; longer texts stay as they are. */
export function pad(text: string, width: number, align: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "left" ? text + space : space + text;
}

/**
 * Characters of width one that join no others: ASCII, Latin, Greek, dashes, quotes, ellipsis, arrows,
 * minus, and what frames are full of: lines, blocks, braille.
 */
const narrow =
  /^[\x20-\x7e\xa1-\xac\xae-\u02af\u0391-\u03c9\u2010-\u2026\u2190-\u2193\u2212\u2500-\u259f\u2800-\u28ff]*$/;

/** Of graphemes seen before: a lookup costs a tenth of what string-width takes for one. */
const widths = new Map<string, number>();
const mostWidths = 4096;

function graphemeWidth(grapheme: string): number {
  let width = widths.get(grapheme);
  if (width === undefined) {
    stringWidth ??= (
      createRequire(import.meta.url)("string-width") as { default: typeof StringWidth }
    ).default;
    width = stringWidth(grapheme);
    if (widths.size === mostWidths) {
      widths.clear();
    }
    widths.set(grapheme, width);
  }
  return width;
}
