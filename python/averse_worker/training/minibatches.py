"""How an update divides its episodes into minibatches."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.models.batches import PaddedPrompts

# Most padded tokens, relative to groups in the order of length.
_SLACK: Final = 1.05
# Factor by which each further try at mixing reaches less far.
_NARROWER: Final = 1.5


def minibatches(
    prompts: NDArray[np.integer],
    responses: NDArray[np.integer],
    steps: int,
    random: np.random.Generator,
) -> Iterator[NDArray[np.intp]]:
    """All rows in `steps` groups of similar length whose sizes differ by one at most.

    Even groups: a last group of one episode would be a step of almost pure noise, and Adam would
    make it as large as the others. With fewer rows than steps, rows come again, in a new order.

    Args:
        prompts: tokens of each row's prompt, and `responses` of its response.
    """
    order = random.permutation(len(prompts))
    while len(order) < steps:
        order = np.concatenate([order, random.permutation(len(prompts))])[:steps]
    # Stable: among equal lengths the shuffle stays.
    order = order[np.argsort((prompts + responses)[order], kind="stable")]
    if np.ptp(prompts) or np.ptp(responses):
        order = _mixed(order, prompts, responses, steps, random)
    groups = np.array_split(order, steps)
    for group in random.permutation(len(groups)):
        yield groups[group]


def minibatches_of_prompts(
    prompts: PaddedPrompts,
    responses: NDArray[np.integer],
    steps: int,
    random: np.random.Generator,
) -> Iterator[NDArray[np.intp]]:
    """As `minibatches`, and rows of one prompt stay together as far as even groups allow, where on
    average each prompt comes twice or more: a pass reads such a prompt once."""
    first, place = prompts.distinct
    if len(place) < max(2 * len(first), steps):
        yield from minibatches(prompts.counts, responses, steps, random)
        return
    longest = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(longest, place, responses)
    groups = minibatches(prompts.counts[first], longest, min(steps, len(first)), random)
    rank = np.argsort(np.concatenate(list(groups)))
    yield from np.array_split(np.argsort(rank[place], kind="stable"), steps)


def padded_tokens(
    order: NDArray[np.intp],
    prompts: NDArray[np.integer],
    responses: NDArray[np.integer],
    steps: int,
) -> int:
    """Tokens of all forward passes over `steps` groups, padding included; prompts and responses
    are padded separately."""
    groups = np.array_split(order, steps)
    return sum(len(rows) * int(prompts[rows].max() + responses[rows].max()) for rows in groups)


def _mixed(
    order: NDArray[np.intp],
    prompts: NDArray[np.integer],
    responses: NDArray[np.integer],
    steps: int,
    random: np.random.Generator,
) -> NDArray[np.intp]:
    """Rows of similar length in a new order, as far from the old as the padding allows.

    In order of length alone the same episodes would share a step in every epoch.
    """
    most = _SLACK * padded_tokens(order, prompts, responses, steps)
    places, noise = np.arange(len(order)), random.random(len(order))
    reach = float(len(order))
    while reach >= 1:
        mixed = order[np.argsort(places + reach * noise, kind="stable")]
        if padded_tokens(mixed, prompts, responses, steps) <= most:
            return mixed
        reach /= _NARROWER
    return order
