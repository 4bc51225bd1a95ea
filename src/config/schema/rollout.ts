/** How episodes are sampled. */
import { z } from "zod";
import { count, openFraction, positive, positiveInt } from "./fields.js";

export const rolloutSchema = z.strictObject({
  prompt_tokens: positiveInt
    .max(131_072)
    .default(64)
    .describe("tokens a prompt at most, longer ones are cut"),
  new_tokens: positiveInt.max(131_072).default(48).describe("generated tokens an episode at most"),
  min_new_tokens: count.max(131_072).default(1).describe("no end of text before so many tokens"),
  temperature: positive.max(10).default(1).describe("divides the logits; 1: the policy itself"),
  top_k: count.default(0).describe("only the k likeliest tokens are sampled from; 0: off"),
  top_p: openFraction
    .default(1)
    .describe("only the likeliest tokens that make up this probability are sampled from; 1: off"),
  minibatch: count.default(0).describe("episodes sampled at once; 0: the whole batch"),
});
