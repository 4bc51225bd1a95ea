"""The episodes that an update learns from, and how they are dealt out to gradient steps."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from averse_worker.rollout.collect import Episodes
from averse_worker.rollout.returns import whiten

# A variance below this is rounding.
_EQUAL: Final = 1e-8


@dataclass(frozen=True)
class Kept:
    """Episodes of weight > 0, with what the loss needs of them."""

    episodes: Episodes
    indices: Tensor
    """their places in the rollout"""
    token_weights: Tensor
    """[B, T], the episode's weight at each of its tokens"""
    advantages: Tensor
    """whitened"""
    targets: Tensor
    """of the critic: λ-returns"""

    @staticmethod
    def of(episodes: Episodes, kept: Tensor, weights: Tensor) -> "Kept":
        """Takes the episodes `kept` [K] out, whose weights are `weights` [K]."""
        part = _select(episodes, kept)
        token_weights = weights[:, None] * part.responses.valid()
        return Kept(
            part,
            kept,
            token_weights,
            whiten(part.advantages, token_weights),
            part.advantages + part.values,
        )

    def select(self, rows: Tensor) -> "Kept":
        """A minibatch, with the padding that none of its episodes needs cut off."""
        part = _select(self.episodes, rows)
        width = part.responses.tokens.shape[1]
        return Kept(
            part,
            self.indices[rows],
            self.token_weights[rows, :width],
            self.advantages[rows, :width],
            self.targets[rows, :width],
        )

    def explained_variance(self) -> float:
        """1 − Var[target − V] / Var[target] over the kept tokens, weighted; 0 where all targets
        are equal."""
        share = self.token_weights / self.token_weights.sum()

        def variance(x: Tensor) -> Tensor:
            return (share * (x - (share * x).sum()).square()).sum()

        whole = float(variance(self.targets))
        if whole < _EQUAL:
            return 0.0
        return 1 - float(variance(self.targets - self.episodes.values)) / whole


def _select(episodes: Episodes, rows: Tensor) -> Episodes:
    responses = episodes.responses.select(rows)
    width = responses.tokens.shape[1]
    return Episodes(
        episodes.prompts.select(rows),
        responses,
        episodes.log_probs[rows, :width],
        episodes.baseline[rows, :width],
        episodes.values[rows, :width],
        episodes.advantages[rows, :width],
    )


def minibatches(
    lengths: NDArray[np.integer], size: int, random: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """All rows once, in ⌈n / size⌉ groups of like length whose sizes differ by one at most.

    Even groups: a last group of one episode would be a step of almost pure noise, and Adam would
    make it as large as the others.
    """
    order = random.permutation(len(lengths))
    # Stable: among equal lengths the shuffle stays.
    order = order[np.argsort(lengths[order], kind="stable")]
    groups = np.array_split(order, math.ceil(len(order) / size))
    for group in random.permutation(len(groups)):
        yield groups[group]
