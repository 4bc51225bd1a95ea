"""What every message is made of: the checked base struct, numbers, and per-episode arrays as bytes.

Arrays are little-endian float32 or uint32 on the wire; `float32_array` and its siblings convert.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

LARGEST_EXACT_INTEGER: Final = 2**53 - 1
"""JavaScript's Number.MAX_SAFE_INTEGER: larger integers lose digits in the controller."""

Count = Annotated[int, Meta(ge=0, le=LARGEST_EXACT_INTEGER)]
Seed = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]

Positive = Annotated[int, Meta(ge=1, le=LARGEST_EXACT_INTEGER)]

Finite = float
NonNegative = Annotated[float, Meta(ge=0)]
Seconds = NonNegative
Fraction = Annotated[float, Meta(ge=0, le=1)]
Float32 = Annotated[bytes, Meta(extra_json_schema={"format": "float32-le"})]
Uint32 = Annotated[bytes, Meta(extra_json_schema={"format": "uint32-le"})]
Digests = dict[str, str]
"""File name → sha256, hexadecimal."""
Figures = dict[str, float]
"""By names that hello declares; one that does not apply is absent."""


class NotFinite(ValueError):  # noqa: N818
    """A message was about to carry NaN or an infinity; the engine has diverged."""


class Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything on the wire.

    Raises:
        NotFinite: a float is NaN or infinite (a `msgspec.ValidationError` when decoding).
        ValueError: an array's length is no multiple of four bytes.
    """

    def __post_init__(self) -> None:
        for name, wire_name in zip(
            self.__struct_fields__, self.__struct_encode_fields__, strict=True
        ):
            value = getattr(self, name)
            if isinstance(value, float) and not math.isfinite(value):
                raise NotFinite(f"`{wire_name}` is {value}; expected a finite number")
            if isinstance(value, dict):
                for key, entry in value.items():
                    if isinstance(entry, float) and not math.isfinite(entry):
                        raise NotFinite(f"`{wire_name}.{key}` is {entry}; expected a finite number")
            for place, array in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(array, bytes) and len(array) % 4 != 0:
                    where = f"{wire_name}.{place}" if isinstance(value, list) else wire_name
                    raise ValueError(
                        f"`{where}` has {len(array)} bytes; expected a multiple of 4 "
                        "(one 32-bit value per entry)"
                    )


# ── arrays ──────────────────────────────────────────────────────────────────────────────────


def float32_array(data: bytes) -> NDArray[np.float32]:
    """Reads little-endian float32 bytes as a writable array of shape (len(data) / 4,)."""
    _check_whole(data)
    return np.frombuffer(data, dtype="<f4").astype(np.float32)


def uint32_array(data: bytes) -> NDArray[np.uint32]:
    """Reads little-endian uint32 bytes as a writable array of shape (len(data) / 4,)."""
    _check_whole(data)
    return np.frombuffer(data, dtype="<u4").astype(np.uint32)


def float32_bytes(
    values: Sequence[float] | NDArray[Any], failed: NDArray[np.bool_] | None = None
) -> bytes:
    """Packs a one-dimensional array of numbers as little-endian float32.

    Args:
        failed: marks the episodes without a reward; they go out as NaN, whatever their value.

    Raises:
        NotFinite: another value is NaN, infinite, or beyond float32.
        ValueError: the array has not exactly one dimension.
    """
    array = _one_dimensional(np.asarray(values))
    with np.errstate(over="ignore"):
        packed = array.astype("<f4")
    finite = np.isfinite(packed)
    if failed is not None:
        packed[failed], finite[failed] = np.nan, True
    if not finite.all():
        first = int(np.argmin(finite))
        raise NotFinite(
            f"{int((~finite).sum())} of {packed.size} values are not finite in float32, "
            f"the first at index {first} ({array[first]})"
        )
    return packed.tobytes()


def uint32_bytes(values: Sequence[int] | NDArray[Any]) -> bytes:
    """Packs a one-dimensional array of whole numbers in [0, 2³²) as little-endian uint32.

    Raises:
        ValueError: a value is out of range or no whole number, or the shape is wrong.
    """
    array = _one_dimensional(np.asarray(values))
    if array.size and not ((array >= 0) & (array <= 0xFFFF_FFFF) & (array % 1 == 0)).all():
        raise ValueError(f"values must be whole numbers in [0, 2³²), got {array}")
    return array.astype("<u4").tobytes()


def _check_whole(data: bytes) -> None:
    if len(data) % 4 != 0:
        raise ValueError(f"an array has {len(data)} bytes, expected a multiple of 4")


def _one_dimensional(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1:
        raise ValueError(f"an array has shape {array.shape}, expected one dimension")
    return array


# ── of several results ──────────────────────────────────────────────────────────────────────


class GpuState(Message, frozen=True, kw_only=True):
    """The whole GPU, with what other programs use of it: to be watched, no figure comes of it."""

    load: Fraction | None
    """fraction of up to the last second in which it was busy; None: it cannot be read"""
    memory_used_bytes: Count
    memory_total_bytes: Count


class ScoreFailure(Message, frozen=True, kw_only=True):
    """Why there is no score, and for which episodes."""

    kind: Literal["timeout", "exception", "not-finite"]
    message: str
    episodes: Uint32
    """positions of episodes, ascending"""


class Scored(Message, frozen=True, kw_only=True):
    """What one reward component, or one judge, says of the episodes."""

    name: str
    scores: Float32
    """raw; NaN where it failed"""
    failures: list[ScoreFailure]
    """no episode is in two of them"""
