/** Every key of the launcher. */
import { helpKeys, type KeyTable, leavingKeys, scrollingKeys } from "../terminal/key-table.js";

const [quit, suspend] = leavingKeys;
/** Where q is a letter. */
const quitWhileTyping = { ...quit, keys: ["ctrl-c"], hint: "quit" } as const;

export const listKeys = [
  ...helpKeys,
  quit,
  {
    action: "open",
    keys: ["enter"],
    words: "open: a run's dashboard, an experiment's form",
    hint: "open",
  },
  { action: "new", keys: ["n"], words: "a new run of the chosen experiment", hint: "new run" },
  ...scrollingKeys,
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
  { action: "title", keys: ["r"], words: "rename a run: its title; the folder keeps its name" },
  { action: "tags", keys: ["t"], words: "tags of a run" },
  { action: "note", keys: ["e"], words: "a note on a run" },
  { action: "remove", keys: ["d"], words: "delete a run for good (asks)" },
  suspend,
] as const satisfies KeyTable;

/** While a title, tags or a note are typed. */
export const noteKeys = [
  { action: "keep", keys: ["enter"], words: "keep it", hint: "keep" },
  { action: "cancel", keys: ["escape"], words: "leave it as it was", hint: "cancel" },
  { action: "erase", keys: ["ctrl-u"], words: "empty it", hint: "empty" },
  quitWhileTyping,
  suspend,
] as const satisfies KeyTable;

export const filterKeys = [
  { action: "keep", keys: ["enter"], words: "keep the filter", hint: "keep" },
  { action: "clear", keys: ["escape"], words: "show all again", hint: "show all" },
  { action: "up", keys: ["up"], words: "one up" },
  { action: "down", keys: ["down"], words: "one down" },
  quitWhileTyping,
  suspend,
] as const satisfies KeyTable;

export const formKeys = [
  ...helpKeys,
  { action: "back", keys: ["escape"], words: "back, nothing is started", hint: "back" },
  { action: "next", keys: ["down", "tab"], words: "next setting" },
  { action: "previous", keys: ["up", "shift-tab"], words: "setting before" },
  { action: "first", keys: ["page-up"], words: "first setting" },
  { action: "last", keys: ["page-down"], words: "to Start" },
  { action: "enter", keys: ["enter"], words: "on Start: start the run; else the next setting" },
  { action: "left", keys: ["left"], words: "choice before; caret to the left" },
  { action: "right", keys: ["right"], words: "next choice; caret to the right" },
  { action: "toggle", keys: [" "], words: "take an arm in or out" },
  { action: "erase", keys: ["ctrl-u"], words: "empty a setting" },
  { action: "reset", keys: ["ctrl-r"], words: "all settings as the file has them" },
  quitWhileTyping,
  suspend,
] as const satisfies KeyTable;
