"""What the fake engine writes and reads: checkpoints and exported policies, real small files."""

import json
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from averse_worker.engine.fake.learning import Parameters
from averse_worker.engine.fake.world import FEATURES, Floats
from averse_worker.platform.files import check_empty_folder, same_mode
from averse_worker.wire.errors import InputError

CHECKPOINT_FORMAT: Final = 1
_TENSORS: Final = "state.safetensors"
_COUNTERS: Final = "state.json"
_MODEL: Final = "model.safetensors"
_CONFIG: Final = "config.json"


class Counters(msgspec.Struct, forbid_unknown_fields=True):
    """state.json"""

    format: int
    rollouts: int
    updates: int


def write_checkpoint(folder: Path, parameters: Parameters, rollouts: int, updates: int) -> None:
    """Writes everything that learning changes into an existing empty folder.

    Raises:
        InputError: the folder does not exist or holds files already.
    """
    check_empty_folder(folder)
    save_file(dict(vars(parameters)), folder / _TENSORS)
    counters = Counters(CHECKPOINT_FORMAT, rollouts, updates)
    (folder / _COUNTERS).write_bytes(msgspec.json.encode(counters) + b"\n")
    same_mode(folder, _COUNTERS)


def read_checkpoint(folder: Path) -> tuple[Parameters, Counters]:
    """Reads what `write_checkpoint` wrote.

    Raises:
        InputError: it is no checkpoint, a damaged one, or one of another format.
    """
    tensors = _read_tensors(folder / _TENSORS, set(Parameters.__annotations__))
    try:
        counters = msgspec.json.decode((folder / _COUNTERS).read_bytes(), type=Counters)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(
            f"{folder / _COUNTERS} cannot be read: {error}; use another checkpoint"
        ) from error
    if counters.format != CHECKPOINT_FORMAT:
        raise InputError(
            f"{folder} is a checkpoint of another format, expected {CHECKPOINT_FORMAT}; "
            "resume with the release that wrote it"
        )
    return Parameters(**tensors), counters


def write_policy(folder: Path, policy: Floats) -> None:
    """Writes a policy that `read_policy` loads, in the files of a transformers folder."""
    check_empty_folder(folder)
    save_file({"policy": policy}, folder / _MODEL)
    _write_json(folder / _CONFIG, {"model_type": "averse-fake", "features": FEATURES})
    same_mode(folder, _CONFIG)


def read_policy(folder: Path, key: str) -> Floats:
    """Reads an exported policy, shape (FEATURES,); `key` is the config key that named it.

    Raises:
        InputError: the folder holds no such policy.
    """
    try:
        return _read_tensors(folder / _MODEL, {"policy"})["policy"]
    except InputError as error:
        raise InputError(
            f"{error.message}; the fake engine loads 'builtin' and folders that it exported",
            key=key,
        ) from error


def write_classifier(folder: Path, weights: Floats) -> None:
    """Writes a classifier of a stage, which every scorer of kind `classifier` can name."""
    check_empty_folder(folder)
    save_file({"classifier": weights}, folder / _MODEL)
    _write_json(folder / _CONFIG, {"model_type": "averse-fake-classifier", "features": FEATURES})
    same_mode(folder, _CONFIG)


def check_classifier(folder: Path, key: str) -> None:
    """Refuses a folder that `write_classifier` did not write.

    Raises:
        InputError: with `key`, the config key that named it.
    """
    try:
        _read_tensors(folder / _MODEL, {"classifier"})
    except InputError as error:
        raise InputError(
            f"{key} is '{folder}'; the fake engine scores with 'builtin' and with classifiers of "
            f"its own stages only ({error.message}): use the torch engine",
            key=key,
        ) from error


def _read_tensors(path: Path, names: set[str]) -> dict[str, Floats]:
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read: {error}; it is incomplete or damaged") from error
    shapes = {name: array.shape for name, array in tensors.items()}
    if shapes != dict.fromkeys(names, (FEATURES,)):
        raise InputError(f"{path} has tensors {shapes}, expected {sorted(names)} of ({FEATURES},)")
    return {name: np.asarray(array, dtype=np.float64) for name, array in tensors.items()}


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")
