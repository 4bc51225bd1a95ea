"""How the episodes of an update are dealt out to gradient steps."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def minibatches(
    lengths: NDArray[np.integer], steps: int, random: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """All rows in `steps` groups of like length whose sizes differ by one at most.

    Even groups: a last group of one episode would be a step of almost pure noise, and Adam would
    make it as large as the others. With fewer rows than steps, rows come again, in a new order.
    """
    order = random.permutation(len(lengths))
    while len(order) < steps:
        order = np.concatenate([order, random.permutation(len(lengths))])[:steps]
    # Stable: among equal lengths the shuffle stays.
    order = order[np.argsort(lengths[order], kind="stable")]
    groups = np.array_split(order, steps)
    for group in random.permutation(len(groups)):
        yield groups[group]
