/** Supervised fine-tuning, before PPO. */
import { z } from "zod";
import { count, fraction, learningRateSchedule, positive, positiveInt } from "./fields.js";

export const sftSchema = z.strictObject({
  steps: count
    .max(1_000_000)
    .default(60)
    .describe("gradient steps on the good class; 0: no fine-tuning"),
  epochs: positive
    .max(1000)
    .nullable()
    .default(null)
    .describe("passes over the good class, in place of steps; null: sft.steps"),
  batch: positiveInt.max(65_536).default(32).describe("texts per gradient step"),
  learning_rate: positive.max(1).default(3e-4).describe("highest learning rate (AdamW)"),
  learning_rate_schedule: learningRateSchedule.default("linear"),
  warmup: fraction
    .lt(1)
    .default(0.05)
    .describe("fraction of the steps over which the learning rate rises from 0"),
  max_tokens: positiveInt
    .max(131_072)
    .default(64)
    .describe("maximum tokens per text; longer ones are truncated"),
  packing: z
    .boolean()
    .default(false)
    .describe("several texts in one row of max_tokens; no text sees another, so less is padded"),
  completion_only: z
    .boolean()
    .default(false)
    .describe("loss on completions alone: rows with prompt and completion, or messages"),
  lora_rank: count
    .max(1024)
    .nullable()
    .default(null)
    .describe(
      "rank of fine-tuning's own adapter, merged into the weights afterwards; 0: full fine-tuning; " +
        "null: as in policy.lora_rank",
    ),
  lora_alpha: positive
    .nullable()
    .default(null)
    .describe("scale of that adapter, alpha / rank; null: 2 · sft.lora_rank"),
  held_out_every: count
    .max(1_000_000)
    .default(0)
    .describe("steps between measurements of the loss on held-out texts; 0: none"),
  early_stopping: count
    .max(1000)
    .default(0)
    .describe(
      "measurements in a row without a lower held-out loss after which fine-tuning stops; the best " +
        "weights are kept; 0: off",
    ),
});

export type SftConfig = z.infer<typeof sftSchema>;
