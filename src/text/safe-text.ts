/**
 * Text that others wrote (prompts, completions, error messages) made safe to print: nothing in it
 * can move the cursor, set a title or a colour, or reorder the characters around it. What is taken
 * out is shown, not dropped, so that a reader sees that something was there.
 */

export interface SafeTextOptions {
  /** Keeps line feeds; else they show as ⏎. */
  readonly multiline?: boolean;
}

/** Neutralises control, escape, bidirectional, format and invisible characters. */
export function safeText(text: string, options: SafeTextOptions = {}): string {
  const lineFeed = options.multiline === true ? "\n" : "⏎";
  return text.replace(treacherous, (character) => {
    if (character === "\n") {
      return lineFeed;
    }
    if (character === "\t") {
      return " ";
    }
    const code = character.codePointAt(0)!.toString(16).toUpperCase();
    return `⟨U+${code.padStart(4, "0")}⟩`;
  });
}

/**
 * Controls, escape among them (0x9b is CSI to many terminals) · format characters: marks of
 * direction, joiners, soft hyphens, tags; some terminals give them a cell and some none · line and
 * paragraph separators · lone halves of a surrogate pair · what is kept free for more of them.
 */
const treacherous = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u2060-\u206f\u{e0000}-\u{e007f}]/gu;

/**
 * Harmful text is what this project measures, so reports hide it until a reader asks: every word
 * keeps its first letter and its length, the rest is dots. Punctuation stays.
 */
export function maskText(text: string): string {
  return text.replace(word, (found) => {
    const [first = "", ...rest] = found;
    return first + "·".repeat(rest.length);
  });
}

const word = /[\p{L}\p{M}\p{N}]+/gu;
