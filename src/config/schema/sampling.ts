/** How the prompts of a batch are drawn. */
import { z } from "zod";
import { fraction } from "./fields.js";

export const samplingSchema = z.strictObject({
  strategy: z.enum(["uniform", "stratified"]).default("uniform").describe("how prompts are drawn"),
  hard_share: fraction
    .default(0.5)
    .describe("stratified: share of each batch drawn from the hard stratum"),
  hard_quantile: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.08)
    .describe("stratified: the hard stratum is this worst share of prompts by prompt score"),
});
