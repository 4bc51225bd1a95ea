/** Every key of the comparison. */
import { helpKeys, type KeyTable, leavingKeys, scrollingKeys } from "../terminal/key-table.js";

export const compareKeys = [
  ...helpKeys,
  { action: "back", keys: ["escape"], words: "back to the list", hint: "back" },
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
  ...leavingKeys,
] as const satisfies KeyTable;
