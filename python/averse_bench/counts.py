"""How much a GPU would be kept waiting by the host: operations dispatched, and host syncs.

Both follow from the program, not from the device, so a CPU can count what a GPU would do. An
operation is one call that torch's dispatcher hands to the device. A host sync is a call whose
answer the host needs before it can go on: a number read, a shape that depends on the data, a copy
to the host. What is kept in NumPy arrays is the host's own and costs none.
"""

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Self
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_READS: Final = frozenset(
    f"aten::{name}"
    for name in (
        *("_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero"),
        *("_unique2", "unique_dim", "unique_consecutive", "unique_dim_consecutive", "bincount"),
    )
)
"""whose result, or the shape of it, the host has to know"""
_COPIES: Final = ("cpu", "tolist", "__array__")
"""methods of a tensor that copy it to the host; on a CPU they dispatch nothing"""


class Counts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what happens in its block, `with Counts() as counts:`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: Counter[str] = Counter()
        """by name"""
        self.syncs: Counter[str] = Counter()
        """by what made the host wait"""
        self._patches = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for name in _COPIES:
            self._patches.enter_context(
                mock.patch.object(Tensor, name, _counted(getattr(Tensor, name), name, self.syncs))
            )
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._patches.close()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.name().split(".")[0]
        self.operations[name] += 1
        if name in _READS or (name.startswith("aten::index") and _by_mask(args)):
            self.syncs[name] += 1
        return function(*args, **(kwargs or {}))

    @property
    def operation_count(self) -> int:
        """Of all operations."""
        return self.operations.total()

    @property
    def sync_count(self) -> int:
        """Of all host syncs."""
        return self.syncs.total()


def _by_mask(args: tuple[Any, ...]) -> bool:
    """Whether an indexing operation has a mask among its indices, whose size nobody knows."""
    indices = args[1] if len(args) > 1 and isinstance(args[1], list | tuple) else ()
    return any(isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in indices)


def _counted(method: Callable[..., Any], name: str, counter: Counter[str]) -> Callable[..., Any]:
    def counting(*args: Any, **kwargs: Any) -> Any:
        counter[name] += 1
        return method(*args, **kwargs)

    return counting


def counted(work: Callable[[], Any]) -> Counts:
    """What `work` dispatches."""
    with Counts() as counts:
        work()
    return counts
