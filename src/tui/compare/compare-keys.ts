/** Every key of the comparison. */
import type { KeyTable } from "../key-table.js";
import { leavingKeys, scrollingKeys } from "../screen-keys.js";

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
  ...scrollingKeys,
  { action: "back", keys: ["escape"], words: "back to the list", hint: "back" },
  ...leavingKeys,
] as const satisfies KeyTable;
