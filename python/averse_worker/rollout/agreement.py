"""Checks that sampling and the forward pass compute the same distribution.

As long as policy and reference are the same weights, log π of the sampler (token by token, from a
cache) and log π_ref of the forward pass may differ by rounding alone. Where they differ by more, a
model is sampled differently from how it is trained, and every ratio and KL of the run would be
wrong.
"""

from typing import Final

import torch
from torch import Tensor

from averse_worker.models.policy import Policy
from averse_worker.wire.errors import InputError

FLOAT32_BOUND: Final = 1e-3
"""nats per episode, of any episode"""
HALF_BOUND: Final = 1e-2
"""nats per token, in the mean over episodes: bfloat16's rounding is about 3e-3 per token, with
either sign"""


def check_agreement(policy: Policy, log_ratios: Tensor, lengths: Tensor) -> None:
    """Checks responses of a policy whose weights are the reference's own.

    Args:
        log_ratios: [B, T], log π of the sampler − log π_ref, zero at padding.
        lengths: [B], tokens.

    Raises:
        InputError: they differ by more than rounding.
    """
    kl = log_ratios.sum(1).abs()
    if policy.device.dtype == torch.float32:
        found, bound, unit = float(kl.max()), FLOAT32_BOUND, "nats per episode"
    else:
        found, bound, unit = float((kl / lengths).mean()), HALF_BOUND, "nats per token"
    if found > bound:
        raise InputError(
            f"policy and reference are the same weights before the first update, but their KL is "
            f"{found:.3g} {unit}, expected at most {bound:g}: sampling token by token and the "
            f"forward pass disagree for this model ({type(policy.actor.causal).__name__}), so "
            "it cannot be trained; use another policy.model, or report this one",
            key="policy.model",
        )
