/** Models that are trained before a run's own work, from data of their own. */
import { z } from "zod";
import { dataSchema } from "./data.js";
import {
  fraction,
  learningRateSchedule,
  name,
  nonNegative,
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
  held_out: nonNegative
    .lt(1)
    .default(0.1)
    .describe("fraction of the rows that its figures are measured on"),
});

export const stagesSchema = z.record(name, stageSchema);

export type StageConfig = z.infer<typeof stageSchema>;
