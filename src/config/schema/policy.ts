/** The model that is fine-tuned. */
import { z } from "zod";
import { count, fraction, positive, revision, trustRemoteCode } from "./fields.js";

/** Where a language model comes from. */
export const policySourceSchema = z.strictObject({
  model: z.string().min(1),
  revision,
  trust_remote_code: trustRemoteCode,
});

export const policySchema = z.strictObject({
  model: z.string().min(1).default("builtin").describe("builtin, a local folder, or a hub id"),
  revision,
  lora_rank: count.max(1024).default(0).describe("rank of the LoRA adapter; 0: full fine-tuning"),
  lora_alpha: positive
    .nullable()
    .default(null)
    .describe("scale of the adapter, alpha / rank; null: 2 · policy.lora_rank"),
  lora_dropout: fraction
    .lt(1)
    .default(0)
    .describe("dropout of the adapter in supervised fine-tuning; PPO updates have none"),
  lora_targets: z
    .array(z.string().min(1))
    .min(1)
    .nullable()
    .default(null)
    .describe("names of modules with an adapter; null: every linear layer of the trunk"),
  quantize: z
    .enum(["none", "4bit"])
    .default("none")
    .describe("4bit: frozen weights in NF4 (QLoRA); needs LoRA, a GPU and bitsandbytes"),
  gradient_checkpointing: z
    .boolean()
    .default(false)
    .describe("compute activations again in the backward pass: less memory, about a third slower"),
  trust_remote_code: trustRemoteCode,
});
