"""What a command needs of the engine's state; every engine refuses what is missing the same way.

The payload itself is checked in `limits`: here the commands before it count.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from averse_worker.wire.errors import InputError, ProtocolError

Held = TypeVar("Held")


def require_loaded(loaded: Held | None, command: str) -> Held:
    """What the last `load` brought in, for the command.

    Raises:
        ProtocolError: nothing has been loaded.
    """
    if loaded is None:
        raise ProtocolError(f"`{command}` arrived before `load`; send `load` first")
    return loaded


def require_rollout(held: Held | None, rollouts: int, asked: int, command: str) -> Held:
    """What is held of the last rollout, number `rollouts`, for a command on rollout `asked`.

    Raises:
        ProtocolError: the command is for another rollout, or none is held.
    """
    if held is None or asked != rollouts:
        number = "none" if held is None else str(rollouts)
        raise ProtocolError(
            f"`{command}` is for rollout {asked}, but this engine holds {number}; "
            "name the last rollout, and send `rollout` again after `load`, `sft` or `restore`"
        )
    return held


def require_ema(ema: Held | None) -> Held:
    """The EMA weights, for a command that requests them.

    Raises:
        InputError: none is kept.
    """
    if ema is None:
        raise InputError(
            "there are no EMA weights: training.ema_decay is 0; set it above 0 (0.8, for "
            "example) or request the current weights",
            key="training.ema_decay",
        )
    return ema


def require_prompt_scores(scores: NDArray[np.floating]) -> None:
    """Scores of the prompts of a rollout, of shape (components, prompts), NaN where unknown.

    Raises:
        ProtocolError: one is missing, and the rewards or the critic need it.
    """
    if np.isnan(scores).any():
        raise ProtocolError(
            "`rollout` needs the scores of its prompts alone (reward.baseline: prompt, or "
            "training.prefix_baseline); send `score_prompts` for the train set first"
        )


def require_plain_decoding(decoding: object | None, command: str) -> None:
    """What `load` says of `decoding`, for a command that trains.

    Raises:
        ProtocolError: it says something: such a policy is evaluated only.
    """
    if decoding is not None:
        raise ProtocolError(
            f"`{command}` arrived after a `load` with `decoding`, whose policy is evaluated only; "
            "send a `load` with decoding null first"
        )


def require_measure(measure: Held | None, command: str, field: str) -> Held:
    """What the last `load` named for a command of evaluations alone.

    Args:
        field: of `load`'s `evaluation`.

    Raises:
        ProtocolError: it named nothing.
    """
    if measure is None:
        raise ProtocolError(f"`{command}` arrived, but the last `load` has no evaluation.{field}")
    return measure
