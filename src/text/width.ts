/** How many columns a text takes on a terminal: alignment by `length` breaks on wide characters. */

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
  for (const segment of graphemesOf(text)) {
    yield { text: segment, width: graphemeWidth(segment) };
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
  let kept = "";
  let used = 0;
  for (const segment of graphemesOf(text)) {
    used += graphemeWidth(segment);
    if (used > room) {
      break;
    }
    kept += segment;
  }
  return kept + mark;
}

/** Pads with spaces to `width` columns; longer texts stay as they are. */
export function pad(text: string, width: number, align: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "left" ? text + space : space + text;
}

/** Characters of width one that join no others: ASCII, Latin, Greek, dashes, quotes, ellipsis, minus. */
const narrow = /^[\x20-\x7e\xa1-\xac\xae-\u02af\u0391-\u03c9\u2010-\u2026\u2212]*$/;
const invisible = /^[\p{M}\p{Cf}\p{Cc}]/u;
const emoji = /\p{Emoji_Presentation}|\ufe0f/u;
/** The blocks that Unicode's East Asian Width calls wide or full, by their outer bounds. */
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;

function graphemeWidth(grapheme: string): number {
  if (invisible.test(grapheme)) {
    return 0;
  }
  return emoji.test(grapheme) || wide.test(grapheme) ? 2 : 1;
}
