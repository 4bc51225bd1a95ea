"""The state of the process's global random generators, as JSON.

Rollouts, updates and evaluations draw from the controller's seeds and never from these; they are
for the code of a model or reward model that draws globally.
"""

import random
from typing import Any

import msgspec
import numpy as np
import torch


class _Python(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    words: list[int]
    gauss: float | None


class _Numpy(msgspec.Struct, forbid_unknown_fields=True):
    """Of the legacy global generator, a Mersenne twister."""

    words: list[int]
    position: int
    has_gauss: int
    gauss: float


class RandomState(msgspec.Struct, forbid_unknown_fields=True):
    """Torch's states are its own bytes, hexadecimal."""

    python: _Python
    numpy: _Numpy
    torch_cpu: str
    torch_cuda: list[str]
    """one per device, where CUDA is in use"""
    torch_mps: str | None


def read_random_state() -> RandomState:
    """The present state of every generator."""
    version, words, gauss = random.getstate()
    twister: Any = np.random.get_state(legacy=False)
    cuda = torch.cuda.get_rng_state_all() if _cuda_in_use() else []
    return RandomState(
        python=_Python(version, list(words), gauss),
        numpy=_Numpy(
            twister["state"]["key"].tolist(),
            int(twister["state"]["pos"]),
            int(twister["has_gauss"]),
            float(twister["gauss"]),
        ),
        torch_cpu=_hex(torch.get_rng_state()),
        torch_cuda=[_hex(state) for state in cuda],
        torch_mps=_hex(torch.mps.get_rng_state()) if torch.backends.mps.is_available() else None,
    )


def set_random_state(state: RandomState) -> None:
    """Restores what `read_random_state` returned; states of devices that are not here are left out.

    Raises:
        ValueError, RuntimeError, TypeError, OverflowError: a state is not what its generator knows.
    """
    random.setstate((state.python.version, tuple(state.python.words), state.python.gauss))
    key = np.array(state.numpy.words, dtype=np.uint32)
    np.random.set_state(
        ("MT19937", key, state.numpy.position, state.numpy.has_gauss, state.numpy.gauss)
    )
    torch.set_rng_state(_tensor(state.torch_cpu))
    if _cuda_in_use():
        for device, text in enumerate(state.torch_cuda[: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(_tensor(text), device)
    if state.torch_mps is not None and torch.backends.mps.is_available():
        torch.mps.set_rng_state(_tensor(state.torch_mps))


def _cuda_in_use() -> bool:
    """Checked first, because reading a generator would initialise CUDA."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _hex(state: torch.Tensor) -> str:
    return state.numpy().tobytes().hex()


def _tensor(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8)
