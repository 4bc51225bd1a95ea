"""Weights and gradients that are not numbers any more, found in one pass and told by name."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from averse_worker.errors import Diverged


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The first tensor that holds NaN or an infinity; None: all are finite.

    One fused norm of all of them, which costs a fraction of a forward pass, settles nearly every
    case.
    """
    if bool(torch.isfinite(nn.utils.get_total_norm(tensors.values()))):
        return None
    return next((n for n, t in tensors.items() if not bool(torch.isfinite(t).all())), None)


def require_finite(parameters: Mapping[str, Tensor]) -> None:
    """Looks over the trained weights before they are used or kept.

    Raises:
        Diverged: with the name of the first parameter that holds NaN or an infinity.
    """
    with torch.no_grad():
        name = first_not_finite(parameters)
    if name is not None:
        raise Diverged(
            f"the weights of {name} are NaN or infinite; restore a checkpoint and lower "
            "training.learning_rate (sft.learning_rate, where it was fine-tuning)"
        )
