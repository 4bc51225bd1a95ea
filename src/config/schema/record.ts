/** What is kept beside the figures. */
import { z } from "zod";
import { count, positiveInt } from "./fields.js";

export const recordSchema = z.strictObject({
  tail_texts: count
    .max(1000)
    .default(8)
    .describe("worst episodes of each iteration whose texts are kept for reading; 0: none"),
  completions: z
    .enum(["all", "tail", "none"])
    .default("none")
    .describe(
      "completions kept as Parquet: every episode's, or the tail's: the worst α of the episodes, with a " +
        "measure that has no α the worst evaluation.tail_fraction; see docs/exports.md",
    ),
  completions_every: positiveInt
    .default(1)
    .describe("iterations from one whose completions are kept to the next, the first one in"),
});
