"""Scores of several processes put together, in the order of their parts."""

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from averse_worker.platform.arrays import Packed, gather_messages
from averse_worker.platform.ranks import Ranks
from averse_worker.rewards.contract import Failed, Scores


class _Failure(msgspec.Struct, frozen=True):
    kind: Literal["timeout", "exception", "not-finite"]
    message: str


class PackedScores(msgspec.Struct, frozen=True):
    """`Scores` as they go from process to process."""

    values: Packed
    failures: dict[int, _Failure]

    @staticmethod
    def of(scores: Scores) -> "PackedScores":
        """Packs them."""
        return PackedScores(
            Packed.of(scores.values),
            {row: _Failure(why.kind, why.message) for row, why in scores.failures.items()},
        )


def joined(parts: Sequence[PackedScores]) -> Scores:
    """One after the other."""
    values: list[NDArray[np.float32]] = []
    failures: dict[int, Failed] = {}
    before = 0
    for part in parts:
        own = part.values.array().astype(np.float32, copy=False)
        failures |= {before + row: Failed(f.kind, f.message) for row, f in part.failures.items()}
        values.append(own)
        before += own.size
    return Scores(np.concatenate(values), failures)


def gather_scores(parts: Sequence[Scores], ranks: Ranks) -> list[Scores]:
    """By component, the scores of all processes' texts from those of this one's."""
    if ranks.count == 1:
        return list(parts)
    own = [PackedScores.of(part) for part in parts]
    everyone = gather_messages(own, list[PackedScores], ranks)
    return [joined(component) for component in zip(*everyone, strict=True)]


def gather_prompt_scores(own: NDArray[np.float32], ranks: Ranks) -> NDArray[np.float32]:
    """[C, B] of all processes' episodes, from [C, b] of this one's."""
    if ranks.count == 1:
        return own
    parts = [part.array() for part in gather_messages(Packed.of(own), Packed, ranks)]
    return np.concatenate(parts, axis=1).astype(np.float32, copy=False)
