"""What processes send each other as MessagePack: arrays as plain bytes with kind and shape."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from averse_worker.platform.ranks import Ranks

Message = TypeVar("Message")


class Packed(msgspec.Struct, frozen=True):
    """An array in C order."""

    kind: str
    """NumPy's name of its numbers and their byte order, such as `<f4`"""
    shape: tuple[int, ...]
    data: bytes

    @staticmethod
    def of(array: NDArray[np.generic]) -> "Packed":
        """Packs any array of numbers."""
        return Packed(array.dtype.str, array.shape, array.tobytes())

    def array(self) -> NDArray[np.generic]:
        """A copy that may be written to."""
        return np.frombuffer(self.data, self.kind).reshape(self.shape).copy()


def gather_messages(own: Message, kind: type[Message], ranks: Ranks) -> list[Message]:
    """What each process gives, in their order."""
    data = ranks.gather(msgspec.msgpack.encode(own))
    return [msgspec.msgpack.decode(part, type=kind) for part in data]


def joined_rows(parts: Sequence[Mapping[str, Packed]]) -> dict[str, NDArray[Any]]:
    """Arrays of the same names, by name, the rows of one part after those of the other."""
    return {name: np.concatenate([part[name].array() for part in parts]) for name in parts[0]}
