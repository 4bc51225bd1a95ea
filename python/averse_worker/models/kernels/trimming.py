"""Skips the work of the last block whose result is not used.

Of a pass over prompt and response only the response's hidden states are used. The last block has
to attend to the prompt, but its MLP at the prompt's positions changes nothing that is kept: an
eighth of the matrix products at four layers and prompts as long as responses.
"""

import contextlib
from collections.abc import Iterator

from torch import Tensor, nn


def last_block(trunk: nn.Module, layers: int) -> nn.Module | None:
    """The last of the trunk's `layers` blocks, if it has an `mlp` that can be trimmed."""
    for module in trunk.modules():
        if isinstance(module, nn.ModuleList) and len(module) == layers:
            last = module[-1]
            return last if isinstance(getattr(last, "mlp", None), nn.Module) else None
    return None


@contextlib.contextmanager
def trimmed(block: nn.Module, keep: int) -> Iterator[None]:
    """For the block, the MLP of `block` works on the last `keep` positions only."""
    mlp = block._modules["mlp"]
    assert mlp is not None
    block._modules["mlp"] = _Trimmed(mlp, keep)
    try:
        yield
    finally:
        block._modules["mlp"] = mlp


class _Trimmed(nn.Module):
    """A position-wise module, with zeros where it did not work."""

    def __init__(self, inner: nn.Module, keep: int) -> None:
        super().__init__()
        self._inner = inner
        self._keep = keep

    def forward(self, hidden: Tensor) -> Tensor:
        out = self._inner(hidden[:, -self._keep :].contiguous())
        if not isinstance(out, Tensor):
            raise NotImplementedError("an MLP that answers more than a tensor")
        return nn.functional.pad(out, (0, 0, hidden.shape[1] - self._keep, 0))
