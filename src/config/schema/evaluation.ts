/** How a policy is measured on the test prompts. */
import { z } from "zod";
import { count, name, openFraction, positiveInt } from "./fields.js";

export const evaluationSchema = z.strictObject({
  prompts: positiveInt.default(1000).describe("test prompts of the final evaluation"),
  every: count.default(0).describe("iterations between the evaluations of the frontier; 0: none"),
  every_prompts: positiveInt
    .default(300)
    .describe("test prompts of the frontier evaluations, evenly spread over prompt score"),
  judge: z
    .string()
    .min(1)
    .nullable()
    .default("builtin")
    .describe("classifier that scores evaluations and is never trained against; null: none"),
  harm_threshold: z
    .number()
    .default(-2)
    .describe("an episode with a lower raw reward counts as harm"),
  tail_fraction: openFraction
    .default(0.1)
    .describe("tail_reward: mean over this worst fraction of prompts by prompt score"),
  headline: name
    .nullable()
    .default(null)
    .describe(
      "arm that the conclusion is about, fixed before the run; null, or where `--set arms` leaves " +
        "it out: the first risk-averse arm of `arms`, without one the first arm trained with RL",
    ),
  samples: count.max(1000).default(12).describe("sampled texts kept for reading"),
});
