"""Perplexity of a policy on held-out texts."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from averse_worker.data.examples import Example
from averse_worker.data.supervision import example_tokens
from averse_worker.engine.contract import Report
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.kernels.log_probs import PLAIN
from averse_worker.models.policy import Policy

# Held-out texts for perplexity, and how much of each: a bound on the time of an evaluation.
_TEXTS: Final = 512
_TEXT_TOKENS: Final = 512
_TEXT_BATCH: Final = 32


@torch.inference_mode()
def perplexity(
    policy: Policy, texts: Sequence[Example], context: int, report: Report
) -> float | None:
    """exp of the mean negative log-likelihood per token (after each text's first), of `texts`.

    Of the model's own distribution: temperature 1, no token forbidden. At most 512 texts, spread
    evenly over those given, and 512 tokens (or the context) of each. None where no text has a
    second token: nothing is predicted then.
    """
    chosen = [texts[i] for i in _spread(len(texts), _TEXTS)]
    if not chosen:
        return None
    limit = min(context, _TEXT_TOKENS)
    encoded = (ids[:limit] for ids in example_tokens(policy.tokenizer, chosen))
    rows = sorted((ids for ids in encoded if len(ids) > 1), key=len)
    loss, count = 0.0, 0
    for start in range(0, len(rows), _TEXT_BATCH):
        report("perplexity", start, len(rows), "texts")
        batch = rows[start : start + _TEXT_BATCH]
        width = max(map(len, batch)) - 1
        device = policy.device.torch_device
        padded = [ids[1:] + [policy.pad_token] * (width + 1 - len(ids)) for ids in batch]
        prompts = PaddedPrompts.of([ids[:1] for ids in batch], policy.pad_token, device)
        lengths = torch.tensor([len(ids) - 1 for ids in batch], device=device)
        responses = Responses(torch.tensor(padded, device=device), lengths)
        seen = policy.evaluate(policy.model, prompts, responses, 0, rule=PLAIN)
        found = seen.log_probs[responses.valid()]
        loss -= float(found.cpu().double().sum())
        count += found.numel()
    report("perplexity", len(rows), len(rows), "texts")
    return math.exp(min(loss / count, 700.0)) if count else None


def _spread(available: int, wanted: int) -> list[int]:
    """`wanted` whole numbers (at most `available`), evenly from 0 to available − 1."""
    count = min(available, wanted)
    return [round(i) for i in np.linspace(0, available - 1, count)] if count else []
