/** How the prompts of a batch are drawn. */
import { z } from "zod";
import { promptSamplers, samplingStrategies } from "../../risk/samplers/registry.js";
import { fraction, openFraction, positiveInt } from "./fields.js";

export const samplingSchema = z.strictObject({
  strategy: z
    .enum(samplingStrategies)
    .default("uniform")
    .meta({
      description: "how prompts are drawn",
      enumDescriptions: samplingStrategies.map((name) => promptSamplers[name].description),
    }),
  batch_fraction: fraction
    .default(0.5)
    .describe(
      "fraction of each batch that is drawn from the hard stratum (stratified) or from recent tail prompts (replay)",
    ),
  hard_fraction: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.08)
    .describe("stratified: the hard stratum is this worst fraction of prompts by prompt score"),
  strata: z
    .int()
    .min(2)
    .max(1000)
    .default(10)
    .describe("cross-entropy: number of strata, equally large, by quantiles of the prompt scores"),
  smoothing: openFraction
    .default(0.2)
    .describe("cross-entropy: λ, weight of the newest batch in the strata's shares; 1: it alone"),
  elite_fraction: openFraction
    .default(0.2)
    .describe(
      "cross-entropy: fraction of the batch that the shares move towards at least; more, where more lie in the natural mix's tail",
    ),
  floor: openFraction
    .default(0.2)
    .describe(
      "cross-entropy: least share of a stratum, as a fraction of its natural share; importance weights are at most 1/floor",
    ),
  window: positiveInt
    .max(100_000)
    .default(5)
    .describe("replay: iterations for which a prompt counts as a recent tail prompt"),
  buffer: positiveInt
    .max(10_000)
    .default(256)
    .describe("replay: recent tail prompts at most; the newest are kept"),
  importance: z
    .enum(["off", "weights"])
    .nullable()
    .default(null)
    .describe(
      "weights: tail, update and figures are weighted back to the data's mix of prompts; off: they are of the batch as drawn; null: weights with cross-entropy, off otherwise",
    ),
});
