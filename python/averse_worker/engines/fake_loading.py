"""What the fake engine can load: its built-in world, and policies that it exported itself."""

import hashlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.digests import folder_digests
from averse_worker.engines import fake_files, fake_world
from averse_worker.engines.fake_world import Floats
from averse_worker.errors import InputError, MissingEnvironment
from averse_worker.messages import Digests, LoadPayload

_LABELS: Final = ("negative", "positive")


def check_known(payload: LoadPayload) -> None:
    """Refuses models, data and devices that this engine does not have.

    Raises:
        InputError, MissingEnvironment: with the config key.
    """
    for key, name in (
        ("reward.model", payload.reward.model),
        ("data.path", payload.data.path),
        ("evaluation.judge", payload.judge),
    ):
        if name not in ("builtin", None):
            raise InputError(
                f"{key} is '{name}'; the fake engine has 'builtin' only, use the torch engine",
                key=key,
            )
    if payload.reward.label not in (None, *_LABELS):
        raise InputError(
            f"reward.label is '{payload.reward.label}', expected one of {', '.join(_LABELS)}",
            key="reward.label",
        )
    if payload.policy.lora_rank > 0:
        raise InputError(
            "policy.lora_rank is set, the fake engine has no LoRA; set it to 0",
            key="policy.lora_rank",
        )
    if payload.backend.device not in ("auto", "cpu"):
        raise MissingEnvironment(
            f"backend.device is '{payload.backend.device}', the fake engine has only 'cpu'",
            key="backend.device",
        )


def load_policy(model: str, key: str) -> tuple[Floats, Digests]:
    """The policy named by the config key, shape (FEATURES,), and what it was made of.

    Raises:
        InputError: it is neither 'builtin' nor a folder with an exported policy.
    """
    if model == "builtin":
        policy = np.zeros(fake_world.FEATURES)
        return policy, builtin_digest(policy)
    folder = Path(model)
    return fake_files.read_policy(folder, key), folder_digests(folder)


def builtin_digest(array: NDArray[Any]) -> Digests:
    """Stands for the files that the built-in world does not have."""
    return {"builtin": hashlib.sha256(array.tobytes()).hexdigest()}
