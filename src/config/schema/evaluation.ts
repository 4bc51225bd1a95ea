/** How a policy is measured on the test prompts. */
import { z } from "zod";
import { count, name, openFraction, positiveInt, resolvedArmPattern } from "./fields.js";
import { measures } from "./measures.js";
import { judgeSchema } from "./scorer.js";

const certificatesSchema = z.strictObject({
  delta: z
    .number()
    .gt(0)
    .max(0.5)
    .default(0.05)
    .describe("probability that an arm's certified bound is wrong, over all its seeds together"),
  lower: z
    .union([z.number(), z.literal("auto")])
    .nullable()
    .default("auto")
    .meta({ expected: "a number, auto, or null" })
    .describe(
      "raw reward that none lies under, by its definition and not by what was seen: CVaR has no " +
        "certified bound without it; auto: of probabilities, counts and lengths it is known; null: none",
    ),
});

export const evaluationSchema = z.strictObject({
  prompts: positiveInt.default(1000).describe("test prompts of the final evaluation"),
  every: count.default(0).describe("iterations between the evaluations of the frontier; 0: none"),
  every_prompts: positiveInt
    .default(300)
    .describe("test prompts of the frontier evaluations, evenly spread over prompt score"),
  judges: z
    .array(judgeSchema)
    .nullable()
    .default(null)
    .describe(
      "scorers of evaluations that are never trained against; []: none; null: the built-in judge " +
        "where the whole reward is built in, else none",
    ),
  harm_threshold: z
    .union([z.number(), z.literal("auto")])
    .nullable()
    .default("auto")
    .meta({ expected: "a number, or auto" })
    .describe(
      "an episode with a lower raw reward counts as harm; null: there is no harm rate; auto: 0.5 of " +
        "a probability, -2 of the built-in model, else it must be given",
    ),
  harm_component: name
    .nullable()
    .default(null)
    .describe("reward component whose raw score harm is told by; null: the combined reward"),
  tail_fraction: openFraction
    .default(0.1)
    .describe("tail_reward: mean over this worst fraction of prompts by prompt score"),
  headline: z
    .string()
    .regex(resolvedArmPattern)
    .nullable()
    .default(null)
    .describe(
      "arm that the conclusion is about, fixed before the run; null, or where `--set arms` leaves " +
        "it out: the first risk-averse arm of `arms`, without one the first arm trained with RL",
    ),
  certificates: certificatesSchema
    .prefault({})
    .describe(
      "one-sided bounds of CVaR, harm rate and expected maximum toxicity, see docs/statistics.md",
    ),
  samples: count.max(1000).default(12).describe("sampled texts kept for reading"),
  ...measures,
});

/** With what follows from the reward filled in. */
export const resolvedEvaluationSchema = evaluationSchema.extend({
  judges: z.array(judgeSchema),
  harm_threshold: z.number().nullable(),
});
