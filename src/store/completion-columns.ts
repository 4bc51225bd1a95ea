/** Columns of the files that `record.completions` writes, one row per episode. */
import type { KeptCompletion } from "../engine/ports.js";
import type { WrittenColumn } from "../tables/write-table.js";

export const completionColumns: readonly (WrittenColumn & {
  readonly name: keyof KeptCompletion;
})[] = [
  { name: "episode", type: "integer" },
  { name: "prompt_id", type: "integer" },
  { name: "prompt", type: "text" },
  { name: "completion", type: "text" },
  { name: "reward", type: "number" },
  { name: "kl", type: "number" },
  { name: "return", type: "number" },
  { name: "tokens", type: "integer" },
  { name: "weight", type: "number" },
];
