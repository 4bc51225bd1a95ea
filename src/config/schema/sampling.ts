/** How the prompts of a batch are drawn. */
import { z } from "zod";
import { fraction } from "./fields.js";

export const samplingSchema = z.strictObject({
  strategy: z.enum(["uniform", "stratified"]).default("uniform").describe("how prompts are drawn"),
  batch_fraction: fraction
    .default(0.5)
    .describe("stratified: fraction of each batch drawn from the hard stratum"),
  hard_fraction: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.08)
    .describe("stratified: the hard stratum is this worst fraction of prompts by prompt score"),
});
