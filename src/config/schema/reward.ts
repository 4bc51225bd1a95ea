/** What a text is worth, and what is trained on of it: one component, or a list of them. */
import { z } from "zod";
import { nonNegative, positive } from "./fields.js";
import { scorerFields } from "./scorer.js";

const { timeout_seconds, max_failed_fraction, ...scorer } = scorerFields;

const componentSchema = z.strictObject({
  ...scorer,
  weight: nonNegative
    .default(1)
    .describe("in the combined reward, Σ weight · score; 0: recorded, and not trained on"),
  transform: z
    .enum(["identity", "clip", "log-sigmoid", "sigmoid", "hinge"])
    .default("identity")
    .describe("shape of the reward that is trained on; metrics are always on the raw score"),
  scale: positive
    .default(2)
    .describe("clip: bound of |r|; log-sigmoid, sigmoid, hinge: factor of the shape"),
  threshold: z
    .number()
    .default(0)
    .describe("hinge: min(r − threshold, 0) · scale; only what is under it counts"),
  normalize: z
    .enum(["none", "running"])
    .default("none")
    .describe(
      "running: the trained reward less its running mean, over its running standard deviation",
    ),
  baseline: z
    .enum(["none", "prompt"])
    .default("none")
    .describe("prompt: the prompt's own score is subtracted from the trained reward"),
  timeout_seconds,
  max_failed_fraction,
});

export const rewardSchema = z.union([componentSchema, z.array(componentSchema).min(1)]);
