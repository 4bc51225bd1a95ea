"""Finds NaN and infinities in weights, gradients and figures, and names the first tensor."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from averse_worker.wire.errors import Diverged


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The first tensor that holds NaN or an infinity; None: all are finite.

    One fused norm of all of them, which costs a fraction of a forward pass, settles nearly every
    case.
    """
    if bool(torch.isfinite(nn.utils.get_total_norm(tensors.values()))):
        return None
    return next((n for n, t in tensors.items() if not bool(torch.isfinite(t).all())), None)


def require_finite(parameters: Mapping[str, Tensor], rate: str = "") -> None:
    """Checks the trained weights before they are used or saved.

    Args:
        rate: config key of the learning rate, where it is another than that of PPO or SFT.

    Raises:
        Diverged: with the name of the first parameter that holds NaN or an infinity.
    """
    with torch.no_grad():
        name = first_not_finite(parameters)
    if name is not None:
        raise Diverged(
            f"the weights of {name} are NaN or infinite; start a new run with a lower "
            + (rate or "training.learning_rate (after fine-tuning: sft.learning_rate)")
        )


def check_finite(values: Tensor, name: str, but: Collection[int] = ()) -> None:
    """Checks `values` [B, …] for NaN and infinities, except at the episodes `but`.

    Raises:
        Diverged: with the name and the episodes.
    """
    odd = (~torch.isfinite(values)).reshape(values.shape[0], -1).any(1)
    bad = [episode for episode in odd.nonzero()[:, 0].tolist() if episode not in but]
    if bad:
        shown = ", ".join(map(str, bad[:8]))
        raise Diverged(
            f"{name} of {len(bad)} of {values.shape[0]} episodes are NaN or infinite "
            f"(the first are {shown}); start a new run with a lower training.learning_rate",
            detail=f"episodes {bad}",
        )
