"""Rewards, returns and advantages of episodes: pure functions of [B, T] tensors.

Padding comes after an episode's last token; every function returns zero there.
"""

from typing import Final

import torch
from torch import Tensor

_LEAST_VARIANCE: Final = 1e-8
"""added to the variance that advantages are whitened by"""


def dense_rewards(
    scores: Tensor, log_ratios: Tensor, lengths: Tensor, kl_coefficient: float
) -> Tensor:
    """r̄_t = 1[t is last]·r − β·(log π(a_t|s_t) − log π_ref(a_t|s_t)).

    Chaudhary et al. 2024 (RA-RLHF), after Ziegler et al. 2019, eq. 2.

    Args:
        scores: [B], the episode's transformed reward r.
        log_ratios: [B, T], log π − log π_ref, zero at padding.
        lengths: [B], each ≥ 1.
    """
    rewards = -kl_coefficient * log_ratios
    last = (lengths - 1)[:, None]
    return rewards.scatter_add(1, last, scores[:, None].to(rewards.dtype))


def discounted_returns(rewards: Tensor, gamma: float) -> Tensor:
    """R̄ = Σ_t γᵗ r̄_t, [B]."""
    # On the CPU: MPS has no float64.
    exact = rewards.cpu().double()
    powers = gamma ** torch.arange(rewards.shape[1], dtype=torch.float64)
    return (exact * powers).sum(1).to(rewards)


def advantages(
    rewards: Tensor, values: Tensor, valid: Tensor, gamma: float, lambda_: float
) -> Tensor:
    """Generalised advantage estimates (Schulman et al. 2016, eq. 16), [B, T].

    δ_t = r̄_t + γ V(s_{t+1}) − V(s_t),  A_t = δ_t + γλ A_{t+1},  V = 0 after the last token.
    """
    values = values * valid
    following = torch.nn.functional.pad(values[:, 1:], (0, 1))
    deltas = rewards + gamma * following - values
    out = torch.zeros_like(rewards)
    running = torch.zeros_like(rewards[:, 0])
    for step in range(rewards.shape[1] - 1, -1, -1):
        running = (deltas[:, step] + gamma * lambda_ * running) * valid[:, step]
        out[:, step] = running
    return out


def whiten(
    values: Tensor, weights: Tensor, population: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """Values at the tokens of weight > 0, less the mean of a population of tokens, over its
    deviation.

    Args:
        weights: [B, T] ≥ 0, zero at padding and not all zero; only their ratios matter.
        population: its values, finite, and their weights, of another shape if need be; None: the
            values themselves, which then have weighted mean 0 and variance 1.
    """
    mean, variance = _moments(*((values, weights) if population is None else population))
    return (values - mean) * torch.rsqrt(variance + _LEAST_VARIANCE) * (weights > 0)


def whitening_deviation(
    values: Tensor, weights: Tensor, population: tuple[Tensor, Tensor] | None = None
) -> float:
    """The deviation that `whiten` divides by, of the same arguments; 1e-4 where all values are
    equal."""
    _, variance = _moments(*((values, weights) if population is None else population))
    return float(torch.sqrt(variance + _LEAST_VARIANCE))


def _moments(members: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance, weighted."""
    share = counts / counts.sum()
    mean = (share * members).sum()
    return mean, (share * (members - mean).square()).sum()
