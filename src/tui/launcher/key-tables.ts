/** Every key of the launcher: what it does and what it is called. Screens, footers and help read it. */
import type { KeyName, KeyPress } from "./key-press.js";

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

const scrolling = [
  { action: "up", keys: ["up", "k"], words: "one up" },
  { action: "down", keys: ["down", "j"], words: "one down" },
  { action: "page-up", keys: ["page-up"], words: "ten up" },
  { action: "page-down", keys: ["page-down"], words: "ten down" },
  { action: "first", keys: ["home", "g"], words: "to the first" },
  { action: "last", keys: ["end", "G"], words: "to the last" },
] as const;

const leaving = [
  { action: "help", keys: ["?"], words: "this help", hint: "help" },
  { action: "quit", keys: ["q", "ctrl-c"], words: "leave averse; runs go on", hint: "quit" },
] as const;

export const listKeys = [
  {
    action: "open",
    keys: ["enter"],
    words: "open: a run's dashboard, an experiment's form",
    hint: "open",
  },
  { action: "new", keys: ["n"], words: "a new run of the chosen experiment", hint: "new run" },
  ...scrolling,
  { action: "section", keys: ["tab", "shift-tab"], words: "between experiments and runs" },
  { action: "filter", keys: ["/"], words: "show only what holds a word", hint: "filter" },
  {
    action: "mark",
    keys: ["c"],
    words: "mark a run to compare; on a marked one: compare",
    hint: "compare",
  },
  { action: "unmark", keys: [" "], words: "take a run's mark back" },
  { action: "clear", keys: ["escape"], words: "clear filter, then marks" },
  ...leaving,
] as const satisfies KeyTable;

export const filterKeys = [
  { action: "keep", keys: ["enter"], words: "keep the filter", hint: "keep" },
  { action: "clear", keys: ["escape"], words: "show all again", hint: "show all" },
  { action: "up", keys: ["up"], words: "one up" },
  { action: "down", keys: ["down"], words: "one down" },
  { action: "quit", keys: ["ctrl-c"], words: "leave averse; runs go on" },
] as const satisfies KeyTable;

export const formKeys = [
  { action: "next", keys: ["down", "tab"], words: "next setting", hint: "settings" },
  { action: "previous", keys: ["up", "shift-tab"], words: "setting before" },
  {
    action: "enter",
    keys: ["enter"],
    words: "on Start: start the run; else the next setting",
    hint: "start",
  },
  { action: "left", keys: ["left"], words: "choice before; caret to the left" },
  { action: "right", keys: ["right"], words: "next choice; caret to the right" },
  { action: "toggle", keys: [" "], words: "take an arm in or out" },
  { action: "erase", keys: ["ctrl-u"], words: "empty a setting" },
  { action: "reset", keys: ["ctrl-r"], words: "all settings as the file has them" },
  { action: "back", keys: ["escape"], words: "back, nothing is started", hint: "back" },
  { action: "help", keys: ["?"], words: "this help", hint: "help" },
  { action: "quit", keys: ["ctrl-c"], words: "leave averse; runs go on" },
] as const satisfies KeyTable;

export const compareKeys = [
  {
    action: "view",
    keys: ["tab", "shift-tab"],
    words: "between table and curves",
    hint: "table/curves",
  },
  {
    action: "reference",
    keys: ["r"],
    words: "the next arm is what the others are compared with",
    hint: "reference",
  },
  ...scrolling,
  { action: "back", keys: ["escape"], words: "back to the list", hint: "back" },
  ...leaving,
] as const satisfies KeyTable;

export type ActionOf<Table extends KeyTable> = Table[number]["action"];

/** What a key does on a screen; null: nothing. */
export function actionOf<Table extends KeyTable>(
  table: Table,
  key: KeyPress,
): ActionOf<Table> | null {
  const pressed = key.kind === "named" ? key.name : key.text;
  return table.find(({ keys }) => keys.includes(pressed))?.action ?? null;
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
