"""Prompts and responses as padded token arrays, and the layout of a forward pass over both.

Lengths are known on the device, for masks, and on the host as NumPy arrays, for shapes: what
chooses episodes and cuts padding off does not wait for the device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Rows = NDArray[np.intp] | Tensor
"""Places of episodes; to read those of a tensor on a GPU the host waits for it"""


def uploaded(array: NDArray[np.generic], device: torch.device) -> Tensor:
    """The same numbers on the device, which the host does not wait for."""
    return torch.from_numpy(array).to(device, non_blocking=True)


def known(rows: Rows, device: torch.device) -> tuple[NDArray[np.intp], Tensor]:
    """Rows on the host and on the device."""
    if isinstance(rows, Tensor):
        return rows.cpu().numpy(), rows.to(device)
    return rows, uploaded(rows, device)


@dataclass(frozen=True)
class PaddedPrompts:
    """Left-padded prompts: the last token of every row is the last of its prompt."""

    tokens: Tensor
    """[B, P]"""
    lengths: Tensor
    """[B], each ≥ 1"""

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """`lengths` on the host."""
        return self.lengths.cpu().numpy()

    @cached_property
    def listed(self) -> NDArray[np.int64]:
        """`tokens` on the host."""
        return self.tokens.cpu().numpy()

    @staticmethod
    def of(prompts: Sequence[Sequence[int]], pad: int, device: torch.device) -> "PaddedPrompts":
        """Pads token lists to the longest among them."""
        width = max(map(len, prompts))
        rows = [[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        counts = np.array([len(prompt) for prompt in prompts], dtype=np.int64)
        listed = np.array(rows, dtype=np.int64)
        padded = PaddedPrompts(uploaded(listed, device), uploaded(counts, device))
        return padded._on_host(counts, listed)

    def select(self, rows: Rows) -> "PaddedPrompts":
        """Some rows, with the padding that none of them needs cut off."""
        host, there = known(rows, self.tokens.device)
        counts = self.counts[host]
        width = int(counts.max())
        part = PaddedPrompts(self.tokens[there, -width:], self.lengths[there])
        return part._on_host(counts, self.listed[host, -width:])

    def mask(self) -> Tensor | None:
        """[B, P], 1 at tokens and 0 at padding; None where nothing is padded."""
        width = self.tokens.shape[1]
        if (self.counts == width).all():
            return None
        places = torch.arange(width, device=self.tokens.device)
        return (places >= width - self.lengths[:, None]).long()

    def positions(self, extra: int = 0) -> Tensor:
        """[B, P + extra], 0 at the first token of each prompt (and at its padding)."""
        width = self.tokens.shape[1]
        places = torch.arange(width + extra, device=self.tokens.device)
        return (places - (width - self.lengths[:, None])).clamp_min(0)

    def _on_host(self, counts: NDArray[np.int64], listed: NDArray[np.int64]) -> "PaddedPrompts":
        vars(self).update(counts=counts, listed=listed)
        return self


@dataclass(frozen=True)
class Responses:
    """Generated tokens, right-padded."""

    tokens: Tensor
    """[B, T]"""
    lengths: Tensor
    """[B], each ≥ 1, the end token included"""

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """`lengths` on the host."""
        return self.lengths.cpu().numpy()

    def select(self, rows: Rows) -> "Responses":
        """Some rows, with the padding that none of them needs cut off."""
        host, there = known(rows, self.tokens.device)
        counts = self.counts[host]
        part = Responses(self.tokens[there, : int(counts.max())], self.lengths[there])
        return part.counted(counts)

    def counted(self, counts: NDArray[np.int64]) -> "Responses":
        """These, whose lengths on the host are known."""
        vars(self)["counts"] = counts
        return self

    def valid(self) -> Tensor:
        """[B, T], true at generated tokens."""
        places = torch.arange(self.tokens.shape[1], device=self.tokens.device)
        return places < self.lengths[:, None]

    def generated(self) -> NDArray[np.bool_]:
        """`valid` on the host."""
        return np.arange(self.tokens.shape[1]) < self.counts[:, None]


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
