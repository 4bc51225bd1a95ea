"""Gradient checkpointing: activations of the blocks are computed again in the backward pass.

transformers' own is tied to `training`, and a policy is updated in evaluation mode: dropout would
make the ratios of PPO differ from 1 before anything has changed. Chen et al. 2016.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


def blocks(trunk: nn.Module, layers: int) -> list[nn.Module]:
    """The trunk's `layers` blocks; empty where they are not in one list."""
    for module in trunk.modules():
        if isinstance(module, nn.ModuleList) and len(module) == layers:
            return list(module)
    return []


@contextlib.contextmanager
def checkpointed(modules: list[nn.Module]) -> Iterator[None]:
    """For the block, these keep their input alone, where gradients are wanted."""
    for module in modules:
        # On the instance: found before the class's own.
        vars(module)["forward"] = functools.partial(_again, module.forward)
    try:
        yield
    finally:
        for module in modules:
            vars(module).pop("forward", None)


def _again(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, **kwargs)
