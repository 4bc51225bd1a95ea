/** The model that is fine-tuned. */
import { z } from "zod";
import { count, revision, trustRemoteCode } from "./fields.js";

export const policySchema = z.strictObject({
  model: z.string().min(1).default("builtin").describe("builtin, a local folder, or a hub id"),
  revision,
  lora_rank: count.max(1024).default(0).describe("rank of the LoRA adapter; 0: full fine-tuning"),
  trust_remote_code: trustRemoteCode,
});
