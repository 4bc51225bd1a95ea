/** Tables of keys: what each does and what it is called. Key presses, footers and help read them. */
import { type KeyName, type KeyPress, pressedKey } from "./key-press.js";

export interface KeyBinding<Action extends string = string> {
  readonly action: Action;
  /** A named key, or one character. */
  readonly keys: readonly string[];
  /** For the help screen. */
  readonly words: string;
  /** For the footer; absent: only the help tells of it. */
  readonly hint?: string;
}

export type KeyTable<Action extends string = string> = readonly KeyBinding<Action>[];

export type ActionOf<Table extends KeyTable> = Table[number]["action"];

/** What a key does on a screen; null: nothing. */
export function actionOf<Table extends KeyTable>(
  table: Table,
  key: KeyPress,
): ActionOf<Table> | null {
  const pressed = pressedKey(key);
  return pressed === null
    ? null
    : (table.find(({ keys }) => keys.includes(pressed))?.action ?? null);
}

const labels: Partial<Record<KeyName, readonly [unicode: string, ascii: string]>> = {
  up: ["↑", "Up"],
  down: ["↓", "Down"],
  left: ["←", "Left"],
  right: ["→", "Right"],
};

/** `↑ k` · `Enter` · `Ctrl-C` */
export function keyLabel({ keys }: KeyBinding, unicode: boolean): string {
  return keys.map((key) => labelOf(key, unicode)).join(" ");
}

export function labelOf(key: string, unicode: boolean): string {
  const label = labels[key as KeyName];
  if (label !== undefined) {
    return label[unicode ? 0 : 1];
  }
  if (key === " ") {
    return "Space";
  }
  if (key === "escape") {
    return "Esc";
  }
  return key.length === 1 ? key : key.replace(/(^|-)[a-z]/g, (part) => part.toUpperCase());
}
