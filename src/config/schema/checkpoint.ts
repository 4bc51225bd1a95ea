/** When a trial is saved, and what is kept. */
import { z } from "zod";
import { count } from "./fields.js";

export const checkpointSchema = z.strictObject({
  every: count.default(50).describe("iterations between checkpoints; 0: only at the end"),
  keep_last: count.default(2).describe("newest checkpoints kept per trial; 0: all"),
  keep_best: z
    .enum([
      "reward_mean",
      "tail_reward",
      "cvar_0.1",
      "harm_rate",
      "judge_reward",
      "judge_tail",
      "perplexity",
      "dist_1",
      "dist_2",
      "dist_3",
      "length_mean",
      "kl_mean",
      "reward_gain",
    ])
    .nullable()
    .default(null)
    .describe(
      "figure of the evaluations whose best checkpoint is kept, too: the lowest harm_rate, " +
        "perplexity or kl_mean, the highest of the others; null: none",
    ),
});
