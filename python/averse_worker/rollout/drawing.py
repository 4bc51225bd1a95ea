"""Draws one token per row from logits, by the inverse of the cumulated probabilities."""

from dataclasses import dataclass

import torch
from torch import Tensor

from averse_worker.models.kernels.log_probs import mean_exponent
from averse_worker.models.kernels.nucleus import nucleus_edge


@dataclass(frozen=True)
class Drawn:
    """Tokens of one step; arrays are [N]."""

    tokens: Tensor
    log_probs: Tensor
    """of the distribution uncut by top-k and top-p"""
    entropies: Tensor
    """nats, of the same distribution"""


def draw(logits: Tensor, uniform: Tensor, top_k: int, top_p: float) -> Drawn:
    """Tokens at the cumulated probability `uniform` [N] in (0, 1].

    Args:
        logits: float32 [N, V]; overwritten.
    """
    powers = _powers(logits)
    tokens, cut_total = _inverted(powers, uniform[:, None], top_k, top_p)
    total = powers.sum(-1) if cut_total is None else cut_total
    log_total = total.log()
    return Drawn(
        tokens[:, 0],
        logits.gather(1, tokens)[:, 0] - log_total,
        log_total - mean_exponent(powers, logits) / total,
    )


def draw_tokens(logits: Tensor, uniform: Tensor, top_k: int, top_p: float) -> Tensor:
    """The tokens [N, 1] of `draw` alone.

    Args:
        uniform: [N, 1].
    """
    return _inverted(_powers(logits), uniform, top_k, top_p)[0]


def _powers(logits: Tensor) -> Tensor:
    """Unnormalised probabilities; the largest logit of a row becomes 0."""
    logits -= logits.amax(-1, keepdim=True)
    return logits.exp()


def _inverted(
    powers: Tensor, uniform: Tensor, top_k: int, top_p: float
) -> tuple[Tensor, Tensor | None]:
    """Tokens [N, 1], and the sum of `powers` [N] where nothing is cut."""
    cut = powers
    if 0 < top_k < powers.shape[1]:
        least = powers.topk(top_k, dim=-1).values[:, -1:]
        cut = powers.masked_fill(powers < least, 0.0)
    if top_p < 1.0:
        cut = cut.masked_fill(cut < nucleus_edge(cut, top_p), 0.0)
    sums = cut.cumsum(-1)
    # The first sum that reaches a number in (0, total] is always that of a token with
    # probability > 0; with numbers in [0, total) it need not be.
    tokens = torch.searchsorted(sums, uniform * sums[:, -1:])
    # With NaN every number is too large: report it by the log-probabilities, not an index error.
    tokens.clamp_(max=powers.shape[1] - 1)
    return tokens, sums[:, -1] if cut is powers else None
