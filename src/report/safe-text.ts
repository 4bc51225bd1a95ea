/**
 * Text that others wrote (prompts, completions, error messages) made safe to print: nothing in it
 * can move the cursor, set a title or a colour, or reorder the characters around it. What is taken
 * out is shown, not dropped, so that a reader sees that something was there.
 */

export interface SafeTextOptions {
  /** Keeps line feeds; else they show as ⏎. */
  readonly multiline?: boolean;
}

const lineFeed = 0x0a;
const tab = 0x09;

/** Neutralises control, escape, bidirectional and invisible characters. */
export function safeText(text: string, options: SafeTextOptions = {}): string {
  let safe = "";
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code === lineFeed) {
      safe += options.multiline === true ? "\n" : "⏎";
    } else if (code === tab) {
      safe += " ";
    } else if (isTreacherous(code)) {
      safe += `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
    } else {
      safe += character;
    }
  }
  return safe;
}

/** First and last code point of each range, ascending. */
const treacherous: readonly (readonly [number, number])[] = [
  [0x00, 0x1f], // C0 controls, escape among them
  [0x7f, 0x9f], // delete and C1 controls: 0x9b is CSI to many terminals
  [0x61c, 0x61c], // Arabic letter mark
  [0x180e, 0x180e],
  [0x200b, 0x200f], // zero width, left-to-right and right-to-left marks
  [0x2028, 0x202e], // line and paragraph separators, embeddings and overrides
  [0x2060, 0x206f], // invisible operators, isolates, deprecated format characters
  [0xd800, 0xdfff], // lone halves of a surrogate pair
  [0xfeff, 0xfeff], // byte order mark
  [0xfff9, 0xfffb], // interlinear annotation
  [0xe0000, 0xe007f], // tags
];

function isTreacherous(code: number): boolean {
  return treacherous.some(([first, last]) => code >= first && code <= last);
}
