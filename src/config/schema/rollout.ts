/** How episodes are sampled. */
import { z } from "zod";
import { count, openFraction, positive, positiveInt } from "./fields.js";

export const rolloutSchema = z.strictObject({
  prompt_tokens: positiveInt
    .max(131_072)
    .default(64)
    .describe("maximum tokens per prompt; longer ones are truncated"),
  new_tokens: positiveInt.max(131_072).default(48).describe("maximum generated tokens per episode"),
  min_new_tokens: count.max(131_072).default(1).describe("minimum generated tokens per episode"),
  temperature: positive.max(10).default(1).describe("divides the logits; 1: the unchanged policy"),
  top_k: count.default(0).describe("sample only from the k most likely tokens; 0: off"),
  top_p: openFraction
    .default(1)
    .describe("sample only from the most likely tokens with this total probability; 1: off"),
  minibatch: count.default(0).describe("episodes sampled at once; 0: the whole batch"),
});
