"""Ranges of payload fields that their types do not say; checked before anything is loaded.

The controller's config schema has the same ranges. They are checked again here because a worker
may be driven by something else, and because out of range most of them fail late and obscurely.
"""

import math

import numpy as np
from numpy.typing import NDArray

from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.base import float32_array, uint32_array
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import SftPayload


def check_load(payload: LoadPayload) -> None:
    """Refuses a load whose numbers make no sense together.

    Raises:
        InputError: with the config key of the first field out of range.
    """
    rollout, training = payload.rollout, payload.training
    _check("reward.scale", payload.reward.scale, low=0, open_low=True)
    _check("rollout.prompt_tokens", payload.data.prompt_tokens, low=1)
    _check("rollout.new_tokens", rollout.new_tokens, low=1)
    _check("rollout.min_new_tokens", rollout.min_new_tokens, low=0, high=rollout.new_tokens)
    _check("rollout.temperature", rollout.temperature, low=0, open_low=True)
    _check("rollout.top_p", rollout.top_p, low=0, high=1, open_low=True)
    _check("training.epochs", training.epochs, low=1)
    _check("training.minibatch", training.minibatch, low=1)
    _check("training.learning_rate", training.learning_rate, low=0)
    _check("training.value_learning_rate", training.value_learning_rate, low=0)
    _check("training.gamma", training.gamma, low=0, high=1)
    _check("training.lambda", training.lambda_, low=0, high=1)
    _check("training.clip_ratio", training.clip_ratio, low=0, open_low=True)
    _check("training.clip_value", training.clip_value, low=0, open_low=True)
    _check("training.value_coefficient", training.value_coefficient, low=0)
    _check("training.entropy_coefficient", training.entropy_coefficient, low=0)
    _check("training.max_grad_norm", training.max_grad_norm, low=0, open_low=True)
    _check("training.average_decay", training.average_decay, low=0, high=1, open_high=True)


def check_sft(payload: SftPayload) -> None:
    """Refuses a fine-tuning of no steps, no texts or no tokens.

    Raises:
        InputError: with the config key of the first field out of range.
    """
    _check("sft.steps", payload.steps, low=1)
    _check("sft.batch", payload.batch, low=1)
    _check("sft.learning_rate", payload.learning_rate, low=0)
    _check("sft.max_tokens", payload.max_tokens, low=1)


def read_weights(data: bytes, failed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Reads the weights of an update, scaled to a sum of 1: only their ratios matter.

    Args:
        failed: (episodes,), which have no reward to learn from.

    Returns shape (episodes,), each ≥ 0.

    Raises:
        InputError: they are not as many as the episodes, negative, not finite, all zero, or one
            lies on an episode without a reward.
    """
    weights = float32_array(data).astype(np.float64)
    if weights.size != failed.size:
        raise InputError(
            f"the update has {weights.size} weights, the rollout {failed.size} episodes; "
            "send one weight an episode, 0 for those to leave out"
        )
    wrong = ~np.isfinite(weights) | (weights < 0)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"weight {first} of the update is {weights[first]}, expected a finite number ≥ 0"
        )
    lost = failed & (weights > 0)
    if lost.any():
        first = int(np.argmax(lost))
        raise InputError(
            f"weight {first} of the update is {weights[first]}, but the reward of that episode "
            "failed; send 0 for it"
        )
    total = weights.sum()
    if total == 0:
        raise InputError("all weights of the update are 0: there is nothing to learn from")
    scaled: NDArray[np.float64] = weights / total
    return scaled


def read_prompts(data: bytes, known: NDArray[np.integer], split: str) -> NDArray[np.intp]:
    """Reads prompt ids and finds each one's position in `known`, the ids of the split.

    Returns shape (prompts,), in the order asked for.

    Raises:
        InputError: there are none, or one is not of this split.
    """
    asked = uint32_array(data)
    if asked.size == 0:
        raise InputError(f"no prompts were asked for; name at least one id of the {split} set")
    order = np.argsort(known)
    found: NDArray[np.intp] = order[
        np.searchsorted(known, asked, sorter=order).clip(max=known.size - 1)
    ]
    missing = known[found] != asked
    if missing.any():
        raise InputError(
            f"prompt {asked[int(np.argmax(missing))]} is not in the {split} set "
            f"of {known.size} prompts; use the ids that `load` answered"
        )
    return found


def read_episodes(data: bytes, count: int) -> list[int]:
    """Reads positions in a rollout of `count` episodes, in the order asked for.

    Raises:
        InputError: the rollout has no such episode.
    """
    asked: list[int] = uint32_array(data).tolist()
    for episode in asked:
        if episode >= count:
            raise InputError(
                f"episode {episode} was asked for, the rollout has {count}; they count from 0"
            )
    return asked


def _check(
    key: str,
    value: float,
    *,
    low: float,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    if below or above:
        opening, closing = "(" if open_low else "[", ")" if open_high or high == math.inf else "]"
        raise InputError(
            f"{key} is {value}, expected a number in {opening}{low:g}, {high:g}{closing}", key=key
        )
