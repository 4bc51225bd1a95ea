/** The sizes of a decoder's layers, read off its config.json, and what follows from them alone. */
import { isTree, type Tree } from "../config/key-path.js";

export interface ModelShape {
  /** Numbers in all weights. */
  readonly parameters: number;
  readonly layers: number;
  /** d, of the hidden state. */
  readonly width: number;
  /** Of an MLP's hidden layer. */
  readonly inner: number;
  readonly heads: number;
  /** Width of keys, and of values: d, less with grouped queries. */
  readonly keyWidth: number;
  readonly vocabulary: number;
  /** An MLP of three matrices (SwiGLU), as of Llama; else of two, as of GPT-2. */
  readonly isGated: boolean;
  /** Queries, keys and values come from one matrix. */
  readonly isFused: boolean;
}

/**
 * @param config config.json as transformers writes it
 * @param parameters of its weights' headers; null: they are counted from the shape
 * @returns null: config.json does not say layers, width and vocabulary
 */
export function shapeOf(config: Tree, parameters: number | null): ModelShape | null {
  const own = isTree(config.text_config) ? config.text_config : config;
  const number = (...names: string[]): number | null => {
    const found = names.map((name) => own[name]).find((value) => typeof value === "number");
    return typeof found === "number" && found > 0 ? found : null;
  };
  const width = number("hidden_size", "n_embd", "d_model");
  const layers = number("num_hidden_layers", "n_layer", "num_layers");
  const vocabulary = number("vocab_size");
  if (width === null || layers === null || vocabulary === null) return null;
  // Most heads are 64 wide, where config.json leaves them to its library.
  const heads =
    number("num_attention_heads", "n_head", "num_heads") ?? Math.max(1, Math.round(width / 64));
  const headWidth = number("head_dim") ?? width / heads;
  const keyWidth = headWidth * (number("num_key_value_heads") ?? heads);
  const isFused = ["gpt2", "gpt_neox", "bloom", "falcon"].includes(String(own.model_type));
  const isGated = /silu|swish|glu/.test(String(own.hidden_act ?? own.hidden_activation ?? ""));
  const inner = number("intermediate_size", "n_inner", "ffn_dim") ?? 4 * width;
  const sizes = { layers, width, inner, heads, keyWidth, vocabulary, isGated, isFused };
  const positions = String(own.model_type) === "gpt2" ? (number("n_positions") ?? 0) : 0;
  const embeddings = own.tie_word_embeddings === false ? 2 : 1;
  const counted = layers * matrixParameters(sizes) + (embeddings * vocabulary + positions) * width;
  return { parameters: parameters ?? counted, ...sizes };
}

type Sizes = Omit<ModelShape, "parameters">;

/** Numbers in the matrices of one layer; biases and norms are a thousandth of them. */
export function matrixParameters({ width, inner, keyWidth, isGated }: Sizes): number {
  return 2 * width * width + 2 * width * keyWidth + (isGated ? 3 : 2) * width * inner;
}

/** Numbers of a LoRA adapter: rank · (inputs + outputs) beside each matrix of a layer (Hu et al. 2021). */
export function adapterParameters(shape: ModelShape, rank: number): number {
  const { layers, width, inner, keyWidth, isGated, isFused } = shape;
  const queries = isFused ? width + (width + 2 * keyWidth) : 2 * width + 2 * (width + keyWidth);
  return layers * rank * (queries + 2 * width + (isGated ? 3 : 2) * (width + inner));
}

/**
 * Floating-point operations of a forward pass over `tokens` tokens of sequences of `length`, whose
 * logits are wanted at `heads` of them: two per parameter and token, and attention.
 */
export function forwardOperations(
  shape: ModelShape,
  { tokens, length, logits }: { tokens: number; length: number; logits: number },
): number {
  const { layers, width, vocabulary } = shape;
  const perToken = 2 * layers * matrixParameters(shape) + 4 * layers * length * width;
  return tokens * perToken + 2 * logits * vocabulary * width;
}
