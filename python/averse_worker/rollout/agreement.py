"""Whether sampling and forward pass mean the same distribution.

As long as policy and reference are the same weights, log π of the sampler (token by token, from a
cache) and log π_ref of the forward pass may differ by rounding alone. Where they differ by more, a
model was sampled otherwise than it is trained, and every ratio and KL of the run would be wrong.
"""

from typing import Final

import torch
from torch import Tensor

from averse_worker.wire.errors import InputError

FLOAT32_BOUND: Final = 1e-3
"""nats per episode, of any episode"""
HALF_BOUND: Final = 1e-2
"""nats per token, in the mean over episodes: bfloat16's rounding is about 3e-3 per token, with
either sign"""


def check_agreement(log_ratios: Tensor, lengths: Tensor, dtype: torch.dtype, model: str) -> None:
    """Looks at a rollout of weights that are the reference's own.

    Args:
        log_ratios: [B, T], log π of the sampler − log π_ref, zero at padding.
        lengths: [B], tokens.
        dtype: that matrices are multiplied in.
        model: its class, for the message.

    Raises:
        InputError: they differ by more than rounding.
    """
    kl = log_ratios.sum(1).abs()
    if dtype == torch.float32:
        found, bound, unit = float(kl.max()), FLOAT32_BOUND, "nats per episode"
    else:
        found, bound, unit = float((kl / lengths).mean()), HALF_BOUND, "nats per token"
    if found > bound:
        raise InputError(
            f"policy and reference are the same weights before the first update, but their KL is "
            f"{found:.3g} {unit}, expected at most {bound:g}: {model} gives other probabilities "
            "when it is sampled token by token than in one pass, so that it cannot be trained; "
            "take another policy.model, or report this one",
            key="policy.model",
        )
