/** Tables of keys: what each does and what it is called. Key presses, hints and help read them. */
import { type KeyName, type KeyPress, pressedKey } from "./keys.js";

export interface KeyBinding<Action extends string = string> {
  readonly action: Action;
  /** A named key, or one character. */
  readonly keys: readonly string[];
  /** For the help. */
  readonly words: string;
  /** For the line at the bottom; absent: only the help tells of it. */
  readonly hint?: string;
  /** How the keys are called together; default: each by its name. */
  readonly label?: string;
  /** The first two keys are opposites: the line at the bottom names both. */
  readonly pair?: true;
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

const labels: Readonly<Partial<Record<KeyName | " ", readonly [unicode: string, ascii: string]>>> =
  {
    up: ["↑", "Up"],
    down: ["↓", "Down"],
    left: ["←", "Left"],
    right: ["→", "Right"],
    "page-up": ["PgUp", "PgUp"],
    "page-down": ["PgDn", "PgDn"],
    escape: ["Esc", "Esc"],
    " ": ["Space", "Space"],
  };

/** `↑ k` · `Enter` · `Ctrl-C` · `1-5` */
export function keyLabel({ keys, label }: KeyBinding, unicode: boolean): string {
  return label ?? keys.map((key) => labelOf(key, unicode)).join(" ");
}

/** Where room is scarce: one key, or two that are opposites. */
export function hintLabel(binding: KeyBinding, unicode: boolean): string {
  return keyLabel({ ...binding, keys: binding.keys.slice(0, binding.pair ? 2 : 1) }, unicode);
}

function labelOf(key: string, unicode: boolean): string {
  const label = labels[key as KeyName | " "];
  return (
    label?.[unicode ? 0 : 1] ??
    (key.length === 1 ? key : key.replace(/(^|-)[a-z]/g, (part) => part.toUpperCase()))
  );
}

/** Keys that are the same on every screen with a list. */
export const scrollingKeys = [
  { action: "up", keys: ["up", "k"], words: "one up" },
  { action: "down", keys: ["down", "j"], words: "one down" },
  { action: "page-up", keys: ["page-up"], words: "ten up" },
  { action: "page-down", keys: ["page-down"], words: "ten down" },
  { action: "first", keys: ["home", "g"], words: "to the first" },
  { action: "last", keys: ["end", "G"], words: "to the last" },
] as const satisfies KeyTable;

/** Rows that PgUp and PgDn move by. */
export const pageRows = 10;

/** How far a scrolling key moves: by rows, or to an end; null: it does not scroll. */
export function scrolledBy(action: string | null): number | null {
  switch (action) {
    case "up":
      return -1;
    case "down":
      return 1;
    case "page-up":
      return -pageRows;
    case "page-down":
      return pageRows;
    case "first":
      return Number.NEGATIVE_INFINITY;
    case "last":
      return Number.POSITIVE_INFINITY;
    default:
      return null;
  }
}

export const helpKeys = [
  { action: "help", keys: ["?"], words: "this help", hint: "help" },
] as const satisfies KeyTable;

/** Of screens that hold up nothing; the screen itself suspends. */
export const leavingKeys = [
  { action: "quit", keys: ["q", "ctrl-c"], words: "leave averse; runs continue", hint: "quit" },
  { action: "suspend", keys: ["ctrl-z"], words: "back to the shell; fg returns" },
] as const satisfies KeyTable;
