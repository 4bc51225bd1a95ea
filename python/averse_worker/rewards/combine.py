"""The reward of an episode: components that are each scored, transformed and weighted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from averse_worker.rewards.contract import Scores, failed_mask
from averse_worker.rewards.running import RunningMoments
from averse_worker.rewards.scored_text import ScoredText
from averse_worker.rewards.scoring import Scorer
from averse_worker.rewards.transform import RewardTransform

Tick = Callable[[int, int], None]
Moments = Mapping[str, RunningMoments]
"""by component"""


@dataclass(frozen=True)
class Component:
    """One part of the reward."""

    name: str
    weight: float
    scorer: Scorer
    transform: RewardTransform


@dataclass(frozen=True)
class Rewarded:
    """What the scores of a batch come to; arrays are [B] or [C, B]."""

    parts: Sequence[Scores]
    """raw, with the failures of each component"""
    combined: NDArray[np.float32]
    """raw"""
    contributions: Sequence[NDArray[np.float64]]
    """by component, what it adds to the trained reward"""
    trained: NDArray[np.float32]
    """NaN where a component failed"""
    failed: NDArray[np.bool_]


@dataclass(frozen=True)
class Rewards:
    """All components; arrays over components are [C, …], in this order."""

    components: Sequence[Component]

    def score(self, texts: Sequence[ScoredText | str], tick: Tick) -> list[Scores]:
        """Scores of the texts by each component; `tick` gets the number done and the total."""
        total = len(self.components) * len(texts)
        found = []
        for place, component in enumerate(self.components):
            before = place * len(texts)

            def alive(done: int, _: int, before: int = before) -> None:
                tick(before + done, total)

            found.append(component.scorer.score(texts, alive))
        return found

    def combined(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Σ weight · score of raw scores [C, …]."""
        return _total(self._weighted(list(raw)))

    def trained(
        self,
        raw: NDArray[np.float32],
        prompts: NDArray[np.float32],
        moments: Moments = MappingProxyType({}),
    ) -> NDArray[np.float32]:
        """Σ weight · T(score), which is trained on; arguments as of `contributions`."""
        return _total(self.contributions(raw, prompts, moments))

    def contributions(
        self,
        raw: NDArray[np.float32],
        prompts: NDArray[np.float32],
        moments: Moments = MappingProxyType({}),
    ) -> list[NDArray[np.float64]]:
        """weight · T(score) by component: what each adds to the trained reward.

        Args:
            prompts: their raw scores [C, …], as components with a prompt baseline need them.
            moments: by component, of those that are normalised; one that has none yet is not.
        """
        parts = zip(self.components, raw, prompts, strict=True)
        return self._weighted(
            [
                moments.get(part.name, RunningMoments()).normalized(part.transform(own, prompt))
                for part, own, prompt in parts
            ]
        )

    def rewarded(
        self,
        parts: Sequence[Scores],
        prompts: NDArray[np.float32],
        moments: Moments = MappingProxyType({}),
    ) -> Rewarded:
        """What is trained on, and of which episodes; arguments as of `contributions`."""
        raw = np.stack([part.values for part in parts])
        failed = failed_episodes(parts)
        trained = self.trained(raw, prompts, moments)
        trained[failed] = np.nan
        contributions = self.contributions(raw, prompts, moments)
        return Rewarded(parts, self.combined(raw), contributions, trained, failed)

    def observed(
        self, parts: Sequence[Scores], prompts: NDArray[np.float32], before: Moments
    ) -> Moments:
        """The moments with a rollout's scores taken in, those that failed left out."""
        after = dict(before)
        for component, own, prompt in zip(self.components, parts, prompts, strict=True):
            if component.transform.normalizes:
                there = ~failed_mask(own.values.size, own.failures)
                shaped = component.transform(own.values, prompt)[there]
                known = before.get(component.name, RunningMoments())
                after[component.name] = known.with_values(shaped)
        return after

    def _weighted(self, parts: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float64]]:
        return [
            component.weight * part.astype(np.float64)
            for component, part in zip(self.components, parts, strict=True)
        ]


def _total(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float32]:
    total: NDArray[np.float64] = sum(parts, start=np.zeros(parts[0].shape))
    return total.astype(np.float32)


def failed_episodes(parts: Sequence[Scores]) -> NDArray[np.bool_]:
    """[texts], true where a component failed."""
    masks = [failed_mask(part.values.size, part.failures) for part in parts]
    failed: NDArray[np.bool_] = np.logical_or.reduce(masks)
    return failed
