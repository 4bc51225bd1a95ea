"""Prompts and responses as padded token arrays, and the layout of a forward pass over both."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PaddedPrompts:
    """Left-padded prompts: the last token of every row is the last of its prompt."""

    tokens: Tensor
    """[B, P]"""
    lengths: Tensor
    """[B], each ≥ 1"""

    @staticmethod
    def of(prompts: Sequence[Sequence[int]], pad: int, device: torch.device) -> "PaddedPrompts":
        """Pads token lists to the longest among them."""
        width = max(map(len, prompts))
        rows = [[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        return PaddedPrompts(
            torch.tensor(rows, dtype=torch.long, device=device),
            torch.tensor([len(prompt) for prompt in prompts], dtype=torch.long, device=device),
        )

    def select(self, rows: Tensor) -> "PaddedPrompts":
        """Some rows, with the padding that none of them needs cut off."""
        lengths = self.lengths[rows]
        return PaddedPrompts(self.tokens[rows, -int(lengths.max()) :], lengths)

    def mask(self) -> Tensor | None:
        """[B, P], 1 at tokens and 0 at padding; None where nothing is padded."""
        width = self.tokens.shape[1]
        if bool((self.lengths == width).all()):
            return None
        places = torch.arange(width, device=self.tokens.device)
        return (places >= width - self.lengths[:, None]).long()

    def positions(self, extra: int = 0) -> Tensor:
        """[B, P + extra], 0 at the first token of each prompt (and at its padding)."""
        width = self.tokens.shape[1]
        places = torch.arange(width + extra, device=self.tokens.device)
        return (places - (width - self.lengths[:, None])).clamp_min(0)


@dataclass(frozen=True)
class Responses:
    """Generated tokens, right-padded."""

    tokens: Tensor
    """[B, T]"""
    lengths: Tensor
    """[B], each ≥ 1, the end token included"""

    def select(self, rows: Tensor) -> "Responses":
        """Some rows, with the padding that none of them needs cut off."""
        lengths = self.lengths[rows]
        return Responses(self.tokens[rows, : int(lengths.max())], lengths)

    def valid(self) -> Tensor:
        """[B, T], true at generated tokens."""
        places = torch.arange(self.tokens.shape[1], device=self.tokens.device)
        return places < self.lengths[:, None]


@dataclass(frozen=True)
class Layout:
    """One forward pass over prompts and responses: hidden states of the last `keep` tokens are
    those from which the response's tokens were drawn."""

    tokens: Tensor
    """[B, P + T - 1]: nothing follows the last response token"""
    positions: Tensor
    mask: Tensor | None
    keep: int
    """T"""

    @staticmethod
    def of(prompts: PaddedPrompts, responses: Responses) -> "Layout":
        """Lays responses behind their prompts.

        Right padding needs no mask: no token attends to what comes after it.
        """
        keep = responses.tokens.shape[1]
        mask = prompts.mask()
        if mask is not None:
            mask = torch.nn.functional.pad(mask, (0, keep - 1), value=1)
        return Layout(
            torch.cat([prompts.tokens, responses.tokens[:, :-1]], dim=1),
            prompts.positions(keep - 1),
            mask,
            keep,
        )
