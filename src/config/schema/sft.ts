/** Supervised fine-tuning, before PPO. */
import { z } from "zod";
import { count, positive, positiveInt } from "./fields.js";

export const sftSchema = z.strictObject({
  steps: count
    .max(1_000_000)
    .default(60)
    .describe("gradient steps on the good class; 0: no fine-tuning"),
  batch: positiveInt.max(65_536).default(32).describe("texts per gradient step"),
  learning_rate: positive.max(1).default(3e-4).describe("learning rate (AdamW)"),
  max_tokens: positiveInt
    .max(131_072)
    .default(64)
    .describe("maximum tokens per text; longer ones are truncated"),
});
