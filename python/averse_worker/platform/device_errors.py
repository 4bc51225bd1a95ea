"""Whether an error comes from the device, not from the computation."""

import re
from typing import Final

_CLASSES: Final = frozenset({"AcceleratorError"})
"""torch's, by name: this file must not import torch."""

_WORDS: Final = re.compile(
    r"(CUDA|HIP|cuda runtime) error|device-side assert|(CUBLAS|CUDNN|CUSOLVER|NCCL)_STATUS_"
    r"|cuDNN error|NCCL error|MPS backend|no kernel image"
)


def is_device_error(error: BaseException) -> bool:
    """After most of these the CUDA context is unusable, and later operations on it fail too."""
    return type(error).__name__ in _CLASSES or (
        isinstance(error, RuntimeError) and _WORDS.search(str(error)) is not None
    )
