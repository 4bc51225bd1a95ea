/** The model that is fine-tuned. */
import { z } from "zod";
import { count } from "./fields.js";

export const policySchema = z.strictObject({
  model: z.string().min(1).default("builtin").describe("builtin, a local folder, or a hub id"),
  revision: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("commit, branch or tag of a hub id; null: the newest"),
  lora_rank: count.max(1024).default(0).describe("rank of the LoRA adapter; 0: full fine-tuning"),
  trust_remote_code: z
    .boolean()
    .default(false)
    .describe("let the model run its own Python code; from the hub, revision must be a commit"),
});
