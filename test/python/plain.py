"""What an episode's numbers must be, from transformers alone: one row at a time, with neither
padding nor cache, nor any kernel of ours."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from averse_worker.platform.device import quiet

# log 0, but finite, so that 0 · log 0 is 0.
NEVER = -1e30


def plain_model(folder: Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The causal language model in `folder` as transformers loads it."""
    with quiet():
        # Without a choice of ours: transformers' eager attention is wrong for Falcon with ALiBi,
        # its sdpa for Gemma 2.
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    return model.eval()


def next_token_log_probs(
    model: PreTrainedModel,
    prompt: Sequence[int],
    response: Sequence[int],
    *,
    end: int,
    forbidden: Sequence[int] = (),
    temperature: float = 1.0,
    min_new_tokens: int = 0,
) -> Tensor:
    """[T, V], log π(· | prompt, response before t) for each t of the response."""
    tokens = torch.tensor([[*prompt, *response]])[:, :-1]
    logits = model(input_ids=tokens).logits[0, len(prompt) - 1 :] / temperature
    never = torch.zeros(logits.shape, dtype=torch.bool)
    never[:, list(forbidden)] = True
    never[:min_new_tokens, end] = True
    return logits.masked_fill(never, NEVER).log_softmax(-1)


def at(log_probs: Tensor, response: Sequence[int]) -> Tensor:
    """[T], those of the response's own tokens."""
    return log_probs[torch.arange(len(response)), list(response)]


def entropies(log_probs: Tensor) -> Tensor:
    """[T], nats."""
    return -(log_probs.exp() * log_probs).sum(-1)
