"""Mean and deviation of a component's trained rewards over all rollouts so far."""

import math
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

_LEAST: Final = 1e-8
"""deviation under which rewards are only centred"""


class RunningMoments(Struct, frozen=True, forbid_unknown_fields=True):
    """Of the values so far, by the parallel update of Chan, Golub and LeVeque (1979).

    What a checkpoint keeps: the same floats, so that a resumed run goes on with the same bits.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """sum of squared distances from the mean"""

    def with_values(self, values: NDArray[np.float32]) -> "RunningMoments":
        """These and further values; failed ones must be left out."""
        if values.size == 0:
            return self
        own = values.astype(np.float64)
        mean = float(own.mean())
        squares = float(((own - mean) ** 2).sum())
        count = self.count + own.size
        apart = mean - self.mean
        return RunningMoments(
            count=count,
            mean=self.mean + apart * own.size / count,
            squares=self.squares + squares + apart**2 * self.count * own.size / count,
        )

    def normalized(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(x − mean) / deviation, of the population; before any value, x itself."""
        if self.count == 0:
            return values
        deviation = math.sqrt(self.squares / self.count)
        centred = values.astype(np.float64) - self.mean
        scaled = centred / deviation if deviation > _LEAST else centred
        return scaled.astype(np.float32)
