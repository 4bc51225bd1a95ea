/** How many tokens a model reads, by its config.json. */
import { isTree, type Tree } from "../config/key-path.js";

/** As transformers' configs call it; the first that is there counts. */
const names = ["max_position_embeddings", "n_positions", "max_seq_len", "seq_length"];

/** Types whose positions count from after the padding's id. */
const afterPadding = /^(xlm-|xlm_)?roberta|camembert|longformer|mpnet/;

/** Positions of a model; null: nothing in its config sets a limit. */
export function contextOf(config: Tree): number | null {
  const text = isTree(config.text_config) ? config.text_config : config;
  const positions = names.map((name) => text[name]).find((value) => typeof value === "number");
  if (positions === undefined || !(positions > 0)) return null;
  const limit = Math.min(positions, shortTexts(text) ?? positions);
  const padding = text.pad_token_id ?? 1;
  const offset =
    afterPadding.test(String(text.model_type)) && typeof padding === "number" ? padding + 1 : 0;
  return limit - offset;
}

/** Where LongRoPE (Phi-3) changes over to the rotations of long texts; null: it is another. */
function shortTexts(config: Tree): number | null {
  const rope = config.rope_parameters ?? config.rope_scaling;
  if (!isTree(rope)) return null;
  if ((rope.rope_type ?? rope.type) !== "longrope") return null;
  const positions =
    config.original_max_position_embeddings ?? rope.original_max_position_embeddings;
  return typeof positions === "number" ? positions : null;
}

/** Tokens of a text that a classifier reads: what both model and tokenizer allow. */
export function windowOf(config: Tree, tokenizer: Tree | null): number | null {
  const context = contextOf(config);
  const longest = tokenizer?.model_max_length;
  // transformers writes 1e30 where a tokenizer has no limit.
  const limits = [context, typeof longest === "number" && longest < 2 ** 31 ? longest : null];
  const known = limits.filter((limit) => limit !== null);
  return known.length === 0 ? null : Math.min(...known);
}
