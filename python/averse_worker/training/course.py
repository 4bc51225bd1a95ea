"""The course of a training loss: its points, and when it no longer falls."""

import math
import statistics
from typing import Final

from averse_worker.wire.messages.training import LossPoint

_POINTS: Final = 200
"""points of a course, those of the held-out loss apart"""
_EDGE: Final = 0.1
"""fraction of the steps, at either end, that the first and last loss are means over"""


class Course:
    """Losses by gradient step."""

    def __init__(self, steps: int) -> None:
        """`steps` as planned."""
        self.losses: list[float] = []
        self._rates: list[float] = []
        self._held_out: dict[int, float] = {}
        self._every = math.ceil(steps / _POINTS)

    def add(self, loss: float, learning_rate: float) -> None:
        """The next step's."""
        self.losses.append(loss)
        self._rates.append(learning_rate)

    def measured(self, step: int, held_out: float) -> None:
        """The held-out loss after `step` steps."""
        self._held_out[step] = held_out

    @property
    def edges(self) -> tuple[float, float]:
        """Mean losses of the first and of the last steps."""
        edge = max(1, round(_EDGE * len(self.losses)))
        return statistics.fmean(self.losses[:edge]), statistics.fmean(self.losses[-edge:])

    def points(self) -> list[LossPoint]:
        """One per so many steps, and one at each measurement."""
        taken = len(self.losses)
        ends = [s for s in range(1, taken + 1) if s % self._every == 0 or s in self._held_out]
        if taken and ends[-1:] != [taken]:
            ends.append(taken)
        return [
            LossPoint(
                step=end,
                loss=statistics.fmean(self.losses[start:end]),
                held_out=self._held_out.get(end),
                learning_rate=self._rates[end - 1],
            )
            for start, end in zip([0, *ends], ends, strict=False)
        ]


class EarlyStopping:
    """Stops after so many measurements in a row that are no better than the best before them."""

    def __init__(self, patience: int) -> None:
        """`patience` 0: never."""
        self.best = math.inf
        self._patience = patience
        self._misses = 0

    @property
    def stopped(self) -> bool:
        """Whether training is over."""
        return 0 < self._patience <= self._misses

    def improves(self, loss: float) -> bool:
        """Takes the next measurement; whether it is the best so far."""
        if loss < self.best:
            self.best, self._misses = loss, 0
            return True
        self._misses += 1
        return False
