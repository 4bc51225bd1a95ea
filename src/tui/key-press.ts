/** One key as the screens take it, whatever the terminal sent for it. */

export const keyNames = [
  "up",
  "down",
  "left",
  "right",
  "page-up",
  "page-down",
  "home",
  "end",
  "enter",
  "escape",
  "tab",
  "shift-tab",
  "backspace",
  "ctrl-c",
  "ctrl-r",
  "ctrl-u",
] as const;
export type KeyName = (typeof keyNames)[number];

/** A named key, or one character. */
export type KeyPress =
  | { readonly kind: "named"; readonly name: KeyName }
  | { readonly kind: "character"; readonly text: string };

/** What Ink's `useInput` tells beside the text; `Key` of ink fits. */
export interface InkKey {
  readonly upArrow: boolean;
  readonly downArrow: boolean;
  readonly leftArrow: boolean;
  readonly rightArrow: boolean;
  readonly pageUp: boolean;
  readonly pageDown: boolean;
  readonly home: boolean;
  readonly end: boolean;
  readonly return: boolean;
  readonly escape: boolean;
  readonly tab: boolean;
  readonly shift: boolean;
  readonly backspace: boolean;
  readonly delete: boolean;
  readonly ctrl: boolean;
  readonly meta: boolean;
}

/**
 * Keys that come fast, or are pasted, reach Ink as one text: each character is a key of its own.
 * What is neither a known key nor printable is dropped, so that nothing pasted can act on the
 * terminal.
 */
export function keyPresses(input: string, key: InkKey): KeyPress[] {
  const name = nameOf(input, key);
  if (name !== null) {
    return [{ kind: "named", name }];
  }
  if (key.ctrl || key.meta) {
    return [];
  }
  return Array.from(graphemes.segment(input), ({ segment }): KeyPress | null => {
    const control = controls[segment];
    if (control !== undefined) {
      return { kind: "named", name: control };
    }
    return unprintable.test(segment) ? null : { kind: "character", text: segment };
  }).filter((press) => press !== null);
}

/** Keys that Ink knows only when they come alone. */
const controls: Readonly<Record<string, KeyName>> = {
  "\r": "enter",
  "\n": "enter",
  "\r\n": "enter",
  "\t": "tab",
  "\u0003": "ctrl-c",
  "\b": "backspace",
  "\u0012": "ctrl-r",
  "\u0015": "ctrl-u",
  "\u007f": "backspace",
};

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;

function nameOf(input: string, key: InkKey): KeyName | null {
  if (key.ctrl) {
    const name = `ctrl-${input}`;
    return keyNames.find((known) => known === name) ?? null;
  }
  if (key.tab) {
    return key.shift ? "shift-tab" : "tab";
  }
  // Ink calls what most keyboards send for backspace "delete".
  const named: readonly (readonly [boolean, KeyName])[] = [
    [key.upArrow, "up"],
    [key.downArrow, "down"],
    [key.leftArrow, "left"],
    [key.rightArrow, "right"],
    [key.pageUp, "page-up"],
    [key.pageDown, "page-down"],
    [key.home, "home"],
    [key.end, "end"],
    [key.return, "enter"],
    [key.escape, "escape"],
    [key.backspace || key.delete, "backspace"],
  ];
  return named.find(([pressed]) => pressed)?.[1] ?? null;
}
