"""Best-of-n: of the completions of a prompt, the one with the highest reward."""

import numpy as np
from numpy.typing import NDArray


def best_of(
    reward: NDArray[np.floating], failed: NDArray[np.bool_], candidates: int
) -> NDArray[np.intp]:
    """Positions [N] of the best of each group of `candidates` neighbours.

    Of equal rewards the first. An episode whose reward failed is taken only where all of its group
    failed.

    Args:
        reward: [N · candidates], raw, combined; undefined where it failed.
        failed: [N · candidates].
    """
    values = np.where(failed, -np.inf, reward).reshape(-1, candidates)
    first = np.arange(values.shape[0], dtype=np.intp) * candidates
    chosen: NDArray[np.intp] = first + values.argmax(axis=1)
    return chosen
