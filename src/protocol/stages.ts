/**
 * Stages: models that are trained before a run's own work, from data of their own, into a folder
 * that every key which names a model can take. Neither command needs `load`.
 */
import { z } from "zod";
import { dataSource } from "./data.js";
import { digests, figureRecord, finite, natural, seconds, seed } from "./fields.js";
import { backend, model } from "./load.js";
import { lossPoint } from "./training.js";

const base = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("model"), ...model }),
    z.strictObject({
      kind: z.literal("architecture"),
      family: z.enum(["gpt2", "llama", "distilbert"]),
      layers: natural,
      width: natural.describe("of the hidden state"),
      heads: natural,
      context: natural.describe("positions, in tokens"),
      vocabulary: natural.describe("tokens of the tokenizer that is trained on the stage's texts"),
    }),
  ])
  .describe("a model to go on from, or new weights of a given shape");

const options = z.strictObject({
  steps: natural.nullable().describe("gradient steps; null: by epochs"),
  epochs: finite.nullable().describe("null: by steps"),
  batch: natural,
  learning_rate: finite,
  learning_rate_decay: z.enum(["constant", "linear", "cosine"]),
  warmup: z.number().min(0).max(1).describe("fraction of the steps"),
  max_tokens: natural.describe("longer texts are cut"),
  held_out_every: natural.describe("steps between measurements of the held-out loss; 0: none"),
  early_stopping: natural.describe("measurements without improvement before it stops; 0: off"),
});

export const stage = z.strictObject({
  name: z.string().describe("in the configuration, for messages; nothing follows from it"),
  kind: z.enum(["language_model", "classifier", "reward_model"]),
  base,
  data: dataSource,
  options,
});

export const describeStagePayload = z.strictObject({ stage, backend });

const inputs = z.strictObject({
  base: digests.describe("empty: new weights"),
  data: digests,
});

export const describeStageResult = z.strictObject({
  digest: z
    .string()
    .describe("sha256 of all that the result follows from, but for the seed: equal, equal bits"),
  digests: inputs,
  nondeterminism: z
    .array(z.string())
    .describe("what may keep two trainings on this machine from being bit-identical"),
});

export const trainStagePayload = z.strictObject({
  seed,
  path: z.string().describe("an existing empty folder; the caller renames it"),
  stage,
  backend,
});

export const trainStageResult = z.strictObject({
  files: digests,
  bytes: natural,
  figures: figureRecord,
  curve: z.array(lossPoint).describe("at most 500 points"),
  digests: inputs,
  versions: z.record(z.string(), z.string()),
  seconds,
});
