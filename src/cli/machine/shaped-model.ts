/** A GPT-2 of a given shape with random weights, in transformers format: for timing, not for use. */
import { closeSync, copyFileSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

export interface GptShape {
  readonly layers: number;
  readonly width: number;
  /** At least the 4,096 of the built-in tokenizer, which it has. */
  readonly vocabulary: number;
}

const CONTEXT = 128;
const HEAD_WIDTH = 64;
/** Weights repeat after so many: nothing that is timed depends on their values. */
const BLOCK = 65_536;

/**
 * @param folder existing and empty
 * @param tokenizer folder of the built-in language model
 */
export function writeShapedModel(folder: string, shape: GptShape, tokenizer: string): void {
  const { layers, width, vocabulary } = shape;
  const config = {
    ...{ architectures: ["GPT2LMHeadModel"], model_type: "gpt2", dtype: "float32" },
    ...{ n_layer: layers, n_embd: width, n_head: Math.max(1, Math.round(width / HEAD_WIDTH)) },
    ...{ n_positions: CONTEXT, vocab_size: vocabulary, n_inner: null },
    ...{ activation_function: "gelu_new", bos_token_id: 0, eos_token_id: 0, pad_token_id: 1 },
    ...{ attn_pdrop: 0, embd_pdrop: 0, resid_pdrop: 0, tie_word_embeddings: true },
  };
  writeFileSync(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    copyFileSync(join(tokenizer, name), join(folder, name));
  }
  writeWeights(join(folder, "model.safetensors"), tensorsOf(shape));
}

type Tensor = readonly [name: string, shape: readonly number[], fill: "random" | 0 | 1];

function tensorsOf({ layers, width, vocabulary }: GptShape): Tensor[] {
  const linear = (name: string, inputs: number, outputs: number): Tensor[] => [
    [`${name}.weight`, [inputs, outputs], "random"],
    [`${name}.bias`, [outputs], 0],
  ];
  const norm = (name: string): Tensor[] => [
    [`${name}.weight`, [width], 1],
    [`${name}.bias`, [width], 0],
  ];
  return [
    ["transformer.wte.weight", [vocabulary, width], "random"],
    ["transformer.wpe.weight", [CONTEXT, width], "random"],
    ...Array.from({ length: layers }, (_, layer) => `transformer.h.${layer}`).flatMap((name) => [
      ...norm(`${name}.ln_1`),
      ...linear(`${name}.attn.c_attn`, width, 3 * width),
      ...linear(`${name}.attn.c_proj`, width, width),
      ...norm(`${name}.ln_2`),
      ...linear(`${name}.mlp.c_fc`, width, 4 * width),
      ...linear(`${name}.mlp.c_proj`, 4 * width, width),
    ]),
    ...norm("transformer.ln_f"),
  ];
}

function writeWeights(path: string, tensors: readonly Tensor[]): void {
  const sizes = tensors.map(([, shape]) => 4 * shape.reduce((all, one) => all * one, 1));
  let start = 0;
  const header = Object.fromEntries(
    tensors.map(([name, shape], at) => {
      const data_offsets = [start, start + sizes[at]!];
      start += sizes[at]!;
      return [name, { dtype: "F32", shape, data_offsets }];
    }),
  );
  const text = Buffer.from(JSON.stringify({ __metadata__: { format: "pt" }, ...header }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const blocks = {
    // Scattered, with a standard deviation of 0.02, as GPT-2 is initialised.
    random: blockOf((at) => 0.02 * Math.SQRT2 * Math.sin(12.9898 * at ** 1.5)),
    0: blockOf(() => 0),
    1: blockOf(() => 1),
  };
  const file = openSync(path, "w");
  try {
    writeSync(file, Buffer.concat([length, text]));
    for (const [at, [, , fill]] of tensors.entries()) {
      for (let left = sizes[at]!; left > 0; left -= 4 * BLOCK) {
        writeSync(file, blocks[fill], 0, Math.min(left, 4 * BLOCK));
      }
    }
  } finally {
    closeSync(file);
  }
}

function blockOf(valueAt: (at: number) => number): Uint8Array {
  return new Uint8Array(Float32Array.from({ length: BLOCK }, (_, at) => valueAt(at)).buffer);
}
