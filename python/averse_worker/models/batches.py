"""Prompts and responses as padded token arrays, and the layout of a forward pass over both.

Lengths are known on the device, for masks, and on the host as NumPy arrays, for shapes: what
chooses episodes and cuts padding off does not wait for the device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

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

    @cached_property
    def distinct(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """[U] rows with every prompt once, and [B] which of those each row has the prompt of."""
        # With their lengths: padding may be a token that prompts have too.
        keys = np.column_stack([self.counts, self.listed])
        _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        return first, place

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


_SAVED: Final = 0.15
"""Least fraction of a pass's tokens that reading equal prompts once has to save."""


def pass_order(prompts: PaddedPrompts, responses: Responses) -> NDArray[np.intp]:
    """Rows of a pass over parts of a batch: similar lengths, and equal prompts, stand together."""
    first, place = prompts.distinct
    if len(first) == len(place):
        return np.argsort(prompts.counts + responses.counts, kind="stable")
    return np.lexsort((responses.counts, place, prompts.counts))


class Prefix(NamedTuple):
    """What stands before the tokens of a pass, each text once."""

    tokens: Tensor
    """[U, P - 1]"""
    positions: Tensor
    mask: Tensor | None
    place: Tensor
    """[B], which of them a row comes after"""


class Layout(NamedTuple):
    """One forward pass over prompts and responses: hidden states of the last `keep` tokens are
    those from which the response's tokens were drawn."""

    tokens: Tensor
    """[B, P + T - 1]: nothing follows the last response token; after a prefix [B, T]"""
    positions: Tensor
    mask: Tensor | None
    """[B, P + T - 1], also after a prefix"""
    keep: int
    """T"""
    prefix: Prefix | None = None

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

    def shared(self, prompts: PaddedPrompts) -> "Layout | None":
        """The same with equal ones of its prompts read once; None: that would save little."""
        first, place = prompts.distinct
        before = prompts.tokens.shape[1] - 1
        if (len(place) - len(first)) * before <= _SAVED * self.tokens.numel():
            return None
        device = self.tokens.device
        rows = uploaded(first, device)
        prefix = Prefix(
            self.tokens[rows, :before],
            self.positions[rows, :before],
            None if self.mask is None else self.mask[rows, :before],
            uploaded(place, device),
        )
        return self._replace(
            tokens=self.tokens[:, before:],
            positions=self.positions[:, before:],
            prefix=prefix,
        )
