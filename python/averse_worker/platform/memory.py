"""How much of the host's memory this process holds, and whether some memory ran out."""

import resource
import sys
from pathlib import Path
from typing import Final

_STATM = Path("/proc/self/statm")

_OUT_OF_MEMORY_CLASSES: Final = frozenset({"OutOfMemoryError"})
"""torch's, by name: this file must not import torch."""

_OUT_OF_MEMORY_WORDS: Final = ("out of memory", "can't allocate memory")
"""torch on a CPU and on MPS raises a plain RuntimeError with one of these in it."""


def resident_bytes() -> int:
    """Resident set of this process in bytes; its peak where the system has no current value."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024  # others count in KiB
    return pages * resource.getpagesize()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the host's or the device's memory ran out, whatever torch's message."""
    if isinstance(error, MemoryError) or type(error).__name__ in _OUT_OF_MEMORY_CLASSES:
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in _OUT_OF_MEMORY_WORDS
    )
