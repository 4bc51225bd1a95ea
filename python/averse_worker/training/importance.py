"""Importance ratios between the policy and what drew its completions.

A server computes the same distribution with other kernels and in another number format, and its
tokens are not quite the policy's. The gradient is made unbiased again by the ratio π/μ of each
token (π: the policy as the update computes it, before its first step; μ: what drew), and its
variance is bounded by truncation, min(π/μ, C): Ionides 2008, "Truncated importance sampling"; for
samplers of language models Yao et al. 2025, "Your efficient RL framework secretly brings you
off-policy RL training"; `token_truncate` in TRL's GRPOTrainer.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def truncated_importance(log_importance: Tensor, bound: float) -> Tensor:
    """min(π/μ, bound), of log(π/μ); without a gradient."""
    return log_importance.exp().clamp(max=bound)


def importance_figures(log_importance: NDArray[np.float32], bound: float) -> dict[str, float]:
    """What an update reports of the ratios.

    Args:
        log_importance: [N], log(π/μ) of all tokens of a rollout, finite.
        bound: of the truncation, ≥ 1.
    """
    logs = log_importance.astype(np.float64)
    ratios = np.exp(logs)
    outside = (ratios > bound) | (ratios < 1 / bound)
    # Schulman's k1 of KL(μ ‖ π): on μ's own tokens its mean is the divergence.
    return {
        "importance_mean": float(ratios.mean()),
        "importance_max": float(ratios.max()),
        "importance_outside": float(outside.mean()),
        "sampler_kl": float(-logs.mean()),
    }
