/** Which episodes of a batch count, and how much. Defaults are the paper's. */
import { z } from "zod";
import { riskMeasureNames, riskMeasures } from "../../risk/measures/registry.js";
import { count, fraction, openFraction, positive } from "./fields.js";

export const riskSchema = z.strictObject({
  measure: z
    .enum(riskMeasureNames)
    .default("cvar")
    .meta({
      description: "rule that turns a batch of returns into one weight per episode",
      enumDescriptions: riskMeasureNames.map((name) => riskMeasures[name].words.description),
    }),
  alpha: openFraction.default(0.4).describe("α: the worst fraction of episodes that counts"),
  schedule: z
    .enum(["soft", "constant"])
    .default("soft")
    .describe(
      "soft: all episodes for n iterations, then down to α at ρM; constant: α from the start",
    ),
  warmup: count.default(30).describe("n: iterations 0 to n keep every episode"),
  rho: openFraction.default(0.95).describe("ρ: fraction of the iterations at which α is reached"),
  statistic: z
    .enum(["return", "lambda-return", "reward", "prompt-score"])
    .default("return")
    .describe("what the episodes are ranked by, lowest first"),
  mixture: fraction.default(0.5).describe("mean-cvar: fraction of the CVaR part"),
  temperature: positive.default(1).describe("entropic: weights ∝ exp(−R̄/temperature)"),
});
