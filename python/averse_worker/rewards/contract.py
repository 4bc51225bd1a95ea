"""The interface of a reward model, and its result: a score per text, or why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from averse_worker.wire.messages.base import Scored, ScoreFailure, float32_bytes, uint32_bytes

# Most distinct reasons that are reported: each of a million texts may have one of its own.
_REASONS: Final = 64


class RewardModel(Protocol):
    """Raw scores of texts, high is good; each text's score is independent of the others."""

    @property
    def batch(self) -> int | None:
        """Texts per call of `score`; None: no limit."""
        ...

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[len(texts)]"""
        ...


@dataclass(frozen=True)
class Failed:
    """Why a text has no score."""

    kind: Literal["timeout", "exception", "not-finite"]
    message: str


@dataclass(frozen=True)
class Scores:
    """Of some texts, position by position."""

    values: NDArray[np.float32]
    """finite, but NaN where the text failed: a failure is never scored 0"""
    failures: Mapping[int, Failed] = field(default_factory=dict)
    """by position"""

    def select(self, rows: NDArray[np.intp]) -> "Scores":
        """Some texts, in this order."""
        failures = {
            place: self.failures[row]
            for place, row in enumerate(rows.tolist())
            if row in self.failures
        }
        return Scores(self.values[rows], failures)


def failed_mask(count: int, failures: Mapping[int, Failed]) -> NDArray[np.bool_]:
    """[count], true where there is no score."""
    mask = np.zeros(count, dtype=np.bool_)
    mask[list(failures)] = True
    return mask


def scored(name: str, values: NDArray[Any], failures: Mapping[int, Failed]) -> Scored:
    """Scores and failures of one component or judge as they go to the controller."""
    return Scored(
        name=name,
        scores=float32_bytes(values, failed_mask(len(values), failures)),
        failures=score_failures(failures),
    )


def score_failures(failures: Mapping[int, Failed]) -> list[ScoreFailure]:
    """Each reason once, with its episodes."""
    episodes: dict[Failed, list[int]] = {}
    for episode, reason in sorted(failures.items()):
        if reason not in episodes and len(episodes) >= _REASONS:
            reason = Failed(reason.kind, "for one of many other reasons")
        episodes.setdefault(reason, []).append(episode)
    return [
        ScoreFailure(kind=reason.kind, message=reason.message, episodes=uint32_bytes(where))
        for reason, where in episodes.items()
    ]
