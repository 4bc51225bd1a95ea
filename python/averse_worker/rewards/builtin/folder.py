"""Reads the parts of a classifier's folder, checked: `config.json` and `model.safetensors`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


def read_config(folder: Path, architecture: str | None = None) -> dict[str, Any]:
    """The config of a classifier folder, checked for its architecture where one is given."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"{folder}: no {CONFIG}, expected a classifier folder") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: expected a JSON object ({error})") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path}: expected a JSON object, found {type(config).__name__}")
    if architecture is not None and config.get("architecture") != architecture:
        raise ValueError(
            f"{path}: architecture is {config.get('architecture')!r}, expected {architecture!r}"
        )
    return config


def read_positive(folder: Path, config: dict[str, Any], field: str) -> int:
    """A whole number ≥ 1 of a config."""
    value = config.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{folder / CONFIG}: {field} is {value!r}, expected a whole number ≥ 1")
    return value


def read_number(folder: Path, config: dict[str, Any], field: str) -> float:
    """A finite number of a config."""
    value = config.get(field)
    if not isinstance(value, int | float) or isinstance(value, bool) or not np.isfinite(value):
        raise ValueError(f"{folder / CONFIG}: {field} is {value!r}, expected a finite number")
    return float(value)


def read_weights(
    folder: Path, shapes: dict[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float32]]:
    """The tensors of a classifier folder as float32, checked for names, shapes and finiteness."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise ValueError(f"{folder}: no {WEIGHTS}, expected the classifier's weights")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: expected a safetensors file ({error})") from error
    if set(tensors) != set(shapes):
        raise ValueError(f"{path}: holds {sorted(tensors)}, expected {sorted(shapes)}")
    for name, shape in shapes.items():
        if tensors[name].shape != shape:
            raise ValueError(f"{path}: {name} has shape {tensors[name].shape}, expected {shape}")
        if not np.isfinite(tensors[name]).all():
            raise ValueError(f"{path}: {name} holds numbers that are not finite")
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
