/** A line of text under the user's hands. Pure; counts in characters as a reader sees them. */
import type { KeyPress } from "./keys.js";

export interface TextEdit {
  readonly text: string;
  /** Characters before the caret. */
  readonly caret: number;
}

/** No setting is longer; a pasted book must not slow down every key that follows. */
const mostCharacters = 200;

export function editOf(text: string): TextEdit {
  return { text, caret: characters(text).length };
}

/** The text after a key; null: the key is none of an editor's. */
export function edited({ text, caret }: TextEdit, key: KeyPress): TextEdit | null {
  const before = characters(text);
  if (key.kind !== "named") {
    const added = characters(key.text).slice(0, mostCharacters - before.length);
    return {
      text: before.toSpliced(caret, 0, ...added).join(""),
      caret: caret + added.length,
    };
  }
  switch (key.name) {
    case "left":
      return { text, caret: Math.max(0, caret - 1) };
    case "right":
      return { text, caret: Math.min(before.length, caret + 1) };
    case "home":
      return { text, caret: 0 };
    case "end":
      return { text, caret: before.length };
    case "backspace":
      return caret === 0
        ? { text, caret }
        : { text: before.toSpliced(caret - 1, 1).join(""), caret: caret - 1 };
    case "ctrl-u":
      return { text: "", caret: 0 };
    default:
      return null;
  }
}

/** The text before and behind the caret. */
export function aroundCaret({ text, caret }: TextEdit): [before: string, behind: string] {
  const all = characters(text);
  return [all.slice(0, caret).join(""), all.slice(caret).join("")];
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

function characters(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}
