"""Attention for CPUs as a transformers attention function, for short sequences.

At the lengths of RLHF plain matrix products are faster than torch's fused CPU kernel: two to three
times in the backward pass at 56 tokens, and when one token attends to a cache.
"""

from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv
from transformers.masking_utils import sdpa_mask

NAME: Final = "averse_cpu"
"""the value of `attn_implementation`, once `register` was called"""

# Variants of attention that some models need and that are not implemented here.
_UNKNOWN: Final = ("softcap", "s_aux", "position_bias")


def register() -> None:
    """Makes transformers know this attention; calling it again changes nothing."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, additive_mask)


def additive_mask(**arguments: Any) -> Tensor | None:
    """[B, 1, queries, keys], 0 where a query sees a key and very negative where not; None where
    the mask is plainly causal."""
    seen: Tensor | None = sdpa_mask(**arguments)
    if seen is None:
        return None
    least = torch.finfo(torch.float32).min
    return torch.zeros(seen.shape, device=seen.device).masked_fill_(~seen, least)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **arguments: Any,
) -> tuple[Tensor, None]:
    """softmax(q kᵀ·scaling + mask) v, as [B, queries, heads, width] (Vaswani et al. 2017, eq. 1).

    Args:
        query: [B, heads, queries, width]; key, value: [B, key heads, keys, width].
        attention_mask: as of `additive_mask`.

    Raises:
        NotImplementedError: the model needs a variant that is not implemented here.
    """
    for name in _UNKNOWN:
        if arguments.get(name) is not None:
            raise NotImplementedError(f"CPU attention with {name}")
    groups = getattr(module, "num_key_value_groups", 1)
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    query = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    queries = query.shape[2]
    if queries > 1 and attention_mask is None:
        attention_mask = _causal(queries, key.shape[2], query.device)
    if queries == 1 and query.dtype == torch.float32:
        return _one_token(query, key, value, attention_mask), None
    scores = query @ key.transpose(-1, -2)
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = scores.softmax(-1, dtype=torch.float32).to(value.dtype)
    if dropout:
        weights = nn.functional.dropout(weights, dropout, training=True)
    return (weights @ value).transpose(1, 2), None


def _one_token(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    # oneDNN rearranges the whole cache before products this thin; MKL does not.
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    chosen, matmul.fp32_precision = matmul.fp32_precision, "none"
    try:
        scores = query @ key.transpose(-1, -2)
        if mask is not None:
            scores += mask
        answer: Tensor = scores.softmax(-1) @ value
    finally:
        matmul.fp32_precision = chosen
    return answer.transpose(1, 2)


def _causal(queries: int, keys: int, device: torch.device) -> Tensor:
    least = torch.full((queries, keys), torch.finfo(torch.float32).min, device=device)
    return least.triu(keys - queries + 1)
