/** When a trial is saved, and what is kept. */
import { z } from "zod";
import { keptBestMetrics, wordsOfMetric } from "../../text/metric-words.js";
import { count } from "./fields.js";

const lowest = keptBestMetrics.filter((name) => wordsOfMetric(name)?.better === "lower").join(", ");

export const checkpointSchema = z.strictObject({
  every: count.default(50).describe("iterations between checkpoints; 0: only at the end"),
  keep_last: count.default(2).describe("newest checkpoints kept per trial; 0: all"),
  keep_best: z
    .enum(keptBestMetrics)
    .nullable()
    .default(null)
    .describe(
      `figure of the evaluations whose best checkpoint is kept, too: the lowest ${lowest}, the highest ` +
        "of the others; null: none",
    ),
});
