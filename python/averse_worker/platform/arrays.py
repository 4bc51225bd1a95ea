"""Arrays as plain bytes with their kind and shape, to be sent inside a MessagePack message."""

import msgspec
import numpy as np
from numpy.typing import NDArray


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
