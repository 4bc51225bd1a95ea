/** Keys that are the same on every screen with a list. */
import type { KeyTable } from "./key-table.js";

export const scrollingKeys = [
  { action: "up", keys: ["up", "k"], words: "one up" },
  { action: "down", keys: ["down", "j"], words: "one down" },
  { action: "page-up", keys: ["page-up"], words: "ten up" },
  { action: "page-down", keys: ["page-down"], words: "ten down" },
  { action: "first", keys: ["home", "g"], words: "to the first" },
  { action: "last", keys: ["end", "G"], words: "to the last" },
] as const satisfies KeyTable;

export const leavingKeys = [
  { action: "help", keys: ["?"], words: "this help", hint: "help" },
  { action: "quit", keys: ["q", "ctrl-c"], words: "leave averse; runs go on", hint: "quit" },
] as const satisfies KeyTable;
