/** Models that are trained before a run's own work, from data of their own. */
import { z } from "zod";
import { dataSchema } from "./data.js";
import {
  count,
  fraction,
  learningRateSchedule,
  name,
  positive,
  positiveInt,
  revision,
  trustRemoteCode,
} from "./fields.js";

const base = z.union([
  z.strictObject({
    model: z.string().min(1).describe("builtin, a local folder, a hub id, or stage:NAME"),
    revision,
    trust_remote_code: trustRemoteCode,
  }),
  z.strictObject({
    architecture: z.enum(["gpt2", "llama", "distilbert"]),
    layers: positiveInt.max(1000).default(2).describe("transformer blocks"),
    width: positiveInt.max(65_536).default(128).describe("of the hidden state"),
    heads: positiveInt.max(1024).default(2).describe("attention heads; they divide width"),
    context: positiveInt.max(131_072).default(128).describe("positions, in tokens"),
    vocabulary: positiveInt
      .max(1_000_000)
      .default(4096)
      .describe("tokens of the tokenizer that is trained on the stage's texts"),
  }),
]);

const stageSchema = z.strictObject({
  kind: z
    .enum(["language_model", "classifier", "reward_model"])
    .describe("learns texts · texts and labels · pairs of which one is preferred"),
  base: base
    .default({ model: "builtin", revision: null, trust_remote_code: false })
    .meta({ expected: "a model, or {architecture: gpt2, llama or distilbert, layers, width, …}" })
    .describe("model to go on from, as policy.model; or the shape of a new one"),
  data: dataSchema.prefault({}).describe("as the section data"),
  seed: z.int().min(0).max(0xffff_ffff).default(0).describe("of the weights and the rows' order"),
  steps: positiveInt.max(10_000_000).nullable().default(null).describe("gradient steps"),
  epochs: positive.max(10_000).nullable().default(null).describe("instead of steps"),
  batch: positiveInt.max(65_536).default(16).describe("rows per gradient step"),
  learning_rate: positive.max(1).default(5e-5).describe("learning rate (AdamW)"),
  learning_rate_schedule: learningRateSchedule.default("linear"),
  warmup: fraction.default(0.05).describe("fraction of the steps over which the rate rises"),
  max_tokens: positiveInt.max(131_072).default(128).describe("longer texts are truncated"),
  held_out_every: count
    .max(10_000_000)
    .default(0)
    .describe("steps between measurements of the loss on the test rows; 0: none"),
  early_stopping: count
    .max(1000)
    .default(0)
    .describe(
      "measurements in a row without a lower held-out loss after which it stops; the best weights " +
        "are kept; 0: off",
    ),
  threads: count.max(1024).nullable().default(null).describe("CPU threads; null: backend.threads"),
  dtype: z
    .enum(["float32", "bfloat16", "float16"])
    .nullable()
    .default(null)
    .describe("type of matrix products; weights stay float32; null: backend.dtype"),
});

/** `kind`, `base`, `data`, … */
export const stageKeys: readonly string[] = Object.keys(stageSchema.shape);

export const stagesSchema = z.record(name, stageSchema);

export type StageConfig = z.infer<typeof stageSchema>;
