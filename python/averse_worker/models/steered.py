"""A policy steered by an expert and an anti-expert while it is sampled from: DExperts.

    z = z_policy + a·(z_expert − z_anti_expert)   over the nucleus of z_policy

Liu et al. 2021 (arXiv 2105.03023), eq. 2, and the nucleus of section 2.2: tokens that the policy
alone would not draw have no logit that the experts could raise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor
from transformers import DynamicCache

from averse_worker.models.kernels.log_probs import FORBIDDEN, PLAIN, TokenRule
from averse_worker.models.kernels.nucleus import nucleus_edge
from averse_worker.models.language_model import LanguageModel


class Cache(Protocol):
    """Keys and values of the tokens so far."""

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keeps only the given rows."""


class SampledModel(Protocol):
    """What completions are drawn from, token by token."""

    def cache(self, capacity: int) -> Cache: ...

    def hidden(
        self,
        tokens: Tensor,
        positions: Tensor,
        mask: Tensor | None,
        keep: int,
        cache: Cache | None = None,
    ) -> Tensor: ...

    def logits(self, hidden: Tensor, rule: TokenRule, early: Tensor | None) -> Tensor: ...


@dataclass(frozen=True)
class _Caches:
    """Of the policy, the expert and the anti-expert."""

    parts: Sequence[DynamicCache]

    def batch_select_indices(self, indices: Tensor) -> None:
        for part in self.parts:
            part.batch_select_indices(indices)


class SteeredModel:
    """Three language models with one vocabulary, sampled from as one."""

    def __init__(
        self,
        policy: LanguageModel,
        expert: LanguageModel,
        anti_expert: LanguageModel,
        strength: float,
        filter_p: float,
    ) -> None:
        """
        Args:
            strength: a.
            filter_p: of the nucleus; 1: there is none.
        """
        self._models = (policy, expert, anti_expert)
        self._strength = strength
        self._filter_p = filter_p

    def cache(self, capacity: int) -> _Caches:
        """Empty key-value caches for `capacity` tokens."""
        return _Caches([model.cache(capacity) for model in self._models])

    def hidden(
        self,
        tokens: Tensor,
        positions: Tensor,
        mask: Tensor | None,
        keep: int,
        cache: Cache | None = None,
    ) -> Tensor:
        """Hidden states of the three models side by side, as `LanguageModel.hidden`."""
        assert isinstance(cache, _Caches)
        states = [
            model.hidden(tokens, positions, mask, keep, part)
            for model, part in zip(self._models, cache.parts, strict=True)
        ]
        return torch.cat([state.float() for state in states], dim=-1)

    def logits(self, hidden: Tensor, rule: TokenRule, early: Tensor | None) -> Tensor:
        """Float32 logits [N, V] of the combined distribution under `rule`.

        The nucleus is the policy's at temperature 1, among the tokens that may be drawn.
        """
        widths = [model.width for model in self._models]
        parts = torch.split(hidden, widths, dim=-1)
        own, good, bad = (
            part.to(model.dtype) for model, part in zip(self._models, parts, strict=True)
        )
        policy, expert, anti_expert = self._models
        base = policy.logits(own, replace(rule, temperature=1.0), early)
        width = base.shape[1]
        difference = _fitted(expert.logits(good, PLAIN, None), width)
        difference -= _fitted(anti_expert.logits(bad, PLAIN, None), width)
        outside = base <= FORBIDDEN
        if self._filter_p < 1.0:
            powers = (base - base.amax(-1, keepdim=True)).exp()
            outside |= powers < nucleus_edge(powers, self._filter_p)
        combined = base.add_(difference, alpha=self._strength).div_(rule.temperature)
        return combined.masked_fill_(outside, FORBIDDEN)


def _fitted(logits: Tensor, width: int) -> Tensor:
    """The same tokens in another number of rows: what is beyond them has no name, and no say."""
    if logits.shape[1] >= width:
        return logits[:, :width]
    return torch.nn.functional.pad(logits, (0, width - logits.shape[1]))
