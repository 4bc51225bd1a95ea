/** Model folders as transformers writes them, without the libraries: config, weights, tokenizer. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A whole safetensors file with one tensor of so many numbers; their values are zeros. */
export function safetensors(numbers: number): Buffer {
  const header = Buffer.from(
    JSON.stringify({
      __metadata__: { format: "pt" },
      w: { dtype: "F32", shape: [numbers], data_offsets: [0, 4 * numbers] },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(4 * numbers)]);
}

/** @param files name → content; null: left out of the usual ones */
export function modelFolder(
  folder: string,
  config: object,
  files: Readonly<Record<string, string | Buffer | null>> = {},
): string {
  mkdirSync(folder, { recursive: true });
  const all = {
    "config.json": JSON.stringify(config),
    "model.safetensors": safetensors(1000),
    "tokenizer.json": "{}",
    ...files,
  };
  for (const [name, content] of Object.entries(all)) {
    if (content !== null) writeFileSync(join(folder, name), content);
  }
  return folder;
}

export const gpt2 = {
  architectures: ["GPT2LMHeadModel"],
  model_type: "gpt2",
  n_positions: 128,
  n_embd: 32,
  n_layer: 2,
  vocab_size: 320,
};

/** With the labels of unitary/toxic-bert, in its order. */
export const toxicBert = {
  architectures: ["BertForSequenceClassification"],
  model_type: "bert",
  max_position_embeddings: 512,
  vocab_size: 300,
  problem_type: "multi_label_classification",
  id2label: {
    0: "toxic",
    1: "severe_toxic",
    2: "obscene",
    3: "threat",
    4: "insult",
    5: "identity_hate",
  },
};
