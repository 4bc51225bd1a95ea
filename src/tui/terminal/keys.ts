/** Keys as the screens take them, whatever the terminal sent for them. */
import { StringDecoder } from "node:string_decoder";
import { esc, type InputToken, TerminalInput } from "./input.js";

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
  "ctrl-z",
] as const;
export type KeyName = (typeof keyNames)[number];

/** A named key, one character, or a line that was pasted, which acts as no key. */
export type KeyPress =
  | { readonly kind: "named"; readonly name: KeyName }
  | { readonly kind: "character"; readonly text: string }
  | { readonly kind: "paste"; readonly text: string };

/**
 * Keys that come fast come as one text: each character is a key of its own. What is neither a known
 * key nor printable is dropped, so that nothing typed or pasted can act on the terminal.
 */
export function keyPresses({ kind, text }: InputToken): KeyPress[] {
  switch (kind) {
    case "sequence": {
      const name = sequenceName(text);
      return name === null ? [] : [{ kind: "named", name }];
    }
    case "paste": {
      const line = text.replace(/\s+/gu, " ").replace(unprintables, "");
      return line === "" ? [] : [{ kind: "paste", text: line }];
    }
    case "text":
      return Array.from(graphemes.segment(text), ({ segment }): KeyPress | null => {
        const name = controls[segment];
        if (name !== undefined) {
          return { kind: "named", name };
        }
        return unprintable.test(segment) ? null : { kind: "character", text: segment };
      }).filter((press) => press !== null);
  }
}

/** As the key tables write it. */
export function pressedKey(key: KeyPress): string | null {
  return key.kind === "named" ? key.name : key.kind === "character" ? key.text : null;
}

const controls: Readonly<Record<string, KeyName>> = {
  "\r": "enter",
  "\n": "enter",
  "\r\n": "enter",
  "\t": "tab",
  "\u0003": "ctrl-c",
  "\b": "backspace",
  "\u0012": "ctrl-r",
  "\u0015": "ctrl-u",
  "\u001a": "ctrl-z",
  "\u007f": "backspace",
};

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;
const unprintables = new RegExp(unprintable, "gu");

/** The final character of `ESC [ … X` and `ESC O X`; Ctrl and Shift change nothing. */
const finals: Readonly<Record<string, KeyName>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  M: "enter",
  Z: "shift-tab",
};
/** The number in `ESC [ n ~`; some keyboards send 3, Delete, for their one key that deletes. */
const numbers: Readonly<Record<string, KeyName>> = {
  "1": "home",
  "3": "backspace",
  "4": "end",
  "5": "page-up",
  "6": "page-down",
  "7": "home",
  "8": "end",
};

function sequenceName(text: string): KeyName | null {
  if (text === esc) {
    return "escape";
  }
  const sequence = /^(?<prefix>[[O])(?<number>\d*)(?:;\d+)?(?<final>[A-Z~])$/u.exec(
    text.slice(esc.length),
  );
  if (sequence === null) {
    return null;
  }
  const { prefix, number, final } = sequence.groups as Record<string, string>;
  if (final === "~") {
    return numbers[number!] ?? null;
  }
  const known = number === "" || number === "1";
  // `ESC [ M` is a mouse's word, the keypad's Enter is `ESC O M`.
  return known && (final !== "M" || prefix === "O") ? (finals[final!] ?? null) : null;
}

/**
 * Ends a sequence that goes no further, in milliseconds: a terminal sends one in one piece, which
 * a slow line may cut; a person who presses Escape does not wait.
 */
const settleMs = 50;

/**
 * Reads until the function that it returns is called, which lets the process end. What is no
 * terminal has no keys.
 */
export function readKeys(stdin: NodeJS.ReadStream, onKey: (key: KeyPress) => void): () => void {
  if (!stdin.isTTY) {
    return () => {};
  }
  const decoder = new StringDecoder("utf8");
  const input = new TerminalInput();
  let timer: NodeJS.Timeout | null = null;
  let over = false;
  const tell = (tokens: readonly InputToken[]): void => {
    for (const key of tokens.flatMap(keyPresses)) {
      if (!over) {
        onKey(key);
      }
    }
  };
  const onData = (chunk: Buffer | string): void => {
    if (timer !== null) {
      clearTimeout(timer);
      timer = null;
    }
    tell(input.take(typeof chunk === "string" ? chunk : decoder.write(chunk)));
    if (input.waits && !over) {
      timer = setTimeout(() => tell(input.settle()), settleMs);
    }
  };
  stdin.on("data", onData);
  stdin.resume();
  return () => {
    over = true;
    if (timer !== null) {
      clearTimeout(timer);
    }
    stdin.off("data", onData);
    stdin.pause();
  };
}
