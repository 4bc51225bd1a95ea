"""How many tokens a model can read."""

from typing import Final

from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

_POSITION_TABLES: Final = ("position_embeddings", "embed_positions", "wpe")
"""names of learned positions in transformers' models"""


def window_of(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> int:
    """Tokens of a text that a classifier reads: what both of them allow."""
    return min(int(tokenizer.model_max_length), context_of(model))


def context_of(model: PreTrainedModel) -> int:
    """Positions of the model, in tokens; 2³¹ − 1 where nothing sets a limit."""
    config = model.config.get_text_config()
    limits = [2**31 - 1]
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        limit = getattr(config, name, None)
        if isinstance(limit, int) and limit > 0:
            limits.append(limit)
            break
    # LongRoPE (Phi-3) rotates all positions of a pass differently once one of them is beyond these:
    # the figures of a text would depend on the longest text beside it.
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") == "longrope":
        limits.append(int(rope["original_max_position_embeddings"]))
    for name, table in model.named_modules():
        if isinstance(table, nn.Embedding) and name.rpartition(".")[2] in _POSITION_TABLES:
            # RoBERTa and the like count from after the padding's id, OPT and BART from an offset.
            after_padding = 0 if table.padding_idx is None else table.padding_idx + 1
            limits.append(table.num_embeddings - getattr(table, "offset", after_padding))
    return min(limits)
