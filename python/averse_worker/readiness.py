"""What a command needs of the engine's state; every engine refuses what is missing the same way.

The payload itself is checked in `limits`: here it is what came before it that counts.
"""

from typing import TypeVar

from averse_worker.errors import InputError, ProtocolError

Held = TypeVar("Held")


def require_loaded(loaded: Held | None, command: str) -> Held:
    """What the last `load` brought in, for the command.

    Raises:
        ProtocolError: nothing has been loaded.
    """
    if loaded is None:
        raise ProtocolError(f"`{command}` came before `load`; send `load` first")
    return loaded


def require_rollout(episodes: Held | None, rollouts: int, asked: int) -> Held:
    """The episodes of the last rollout, number `rollouts`, for an update of rollout `asked`.

    Raises:
        ProtocolError: the update is for another rollout, or no episodes are held.
    """
    if episodes is None or asked != rollouts:
        held = "none" if episodes is None else str(rollouts)
        raise ProtocolError(
            f"the update is for rollout {asked}, this engine holds {held}; "
            "update only the last rollout, and roll out again after `load` or `restore`"
        )
    return episodes


def require_average(average: Held | None) -> Held:
    """The average of the weights, for a command that asked for it by name.

    Raises:
        InputError: none is kept.
    """
    if average is None:
        raise InputError(
            "there is no average of the weights: training.average_decay is 0; "
            "set it above 0 (0.8, say) or ask for the current weights",
            key="training.average_decay",
        )
    return average
