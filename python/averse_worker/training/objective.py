"""The episodes that take part in an update, and the coefficients of their tokens in the loss.

The sums are those of `src/protocol/README.md`, section `update`: each term of the loss is
Σ coefficient · value over an epoch's tokens, with coefficient = raw / total.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from averse_worker.models.batches import uploaded
from averse_worker.rollout.collect import Episodes
from averse_worker.rollout.returns import whiten, whitening_deviation
from averse_worker.wire.limits import LossArrays

Aggregation = Literal["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"]
Whitening = Literal["kept", "batch"]
"""whose tokens' mean and deviation whiten the critic's advantages"""

# A variance below this is rounding.
_EQUAL: Final = 1e-8


@dataclass(frozen=True)
class Coefficients:
    """Of one term of the loss."""

    raw: Tensor
    """[B, T] ≥ 0, zero at tokens that are not in the term"""
    total: float
    """over the whole epoch"""
    taking: NDArray[np.bool_]
    """[B], the episodes with tokens in the term: all of them"""

    def select(self, host: NDArray[np.intp], rows: Tensor, width: int) -> "Coefficients":
        """Some rows, on the host and on the device, and the first `width` tokens."""
        return Coefficients(self.raw[rows, :width], self.total, self.taking[host])

    def scaled(self, factor: float) -> Tensor:
        """raw / total · factor."""
        return self.raw / (self.total / factor)


@dataclass(frozen=True)
class Targets:
    """What the critic learns and is measured by; arrays are [B, T]."""

    values: Tensor
    """when sampling"""
    baseline: Tensor
    lambda_returns: Tensor

    def select(self, rows: Tensor, width: int) -> "Targets":
        """Some rows, and the first `width` tokens."""
        return Targets(
            self.values[rows, :width],
            self.baseline[rows, :width],
            self.lambda_returns[rows, :width],
        )


@dataclass(frozen=True)
class PolicyTerm:
    """The clipped objective, and what goes with it."""

    coefficients: Coefficients
    entropy: Coefficients
    advantages: Tensor
    """[B, T]: the critic's, whitened, or the signed ones as they came"""
    critic: Targets | None
    """None: the critic is not trained"""
    deviation: float
    """what whitening divided the advantages by; 1 where they are taken as they came"""

    def select(self, host: NDArray[np.intp], rows: Tensor, width: int) -> "PolicyTerm":
        """Some rows, on the host and on the device, and the first `width` tokens."""
        return PolicyTerm(
            self.coefficients.select(host, rows, width),
            self.entropy.select(host, rows, width),
            self.advantages[rows, :width],
            self.critic.select(rows, width) if self.critic else None,
            self.deviation,
        )

    def variances(self) -> tuple[Tensor, Tensor]:
        """Var[target] and Var[target − V] of the critic over the tokens, weighted."""
        assert self.critic is not None
        targets, share = self.critic.lambda_returns, self.coefficients.raw
        share = share / share.sum()

        def variance(x: Tensor) -> Tensor:
            return (share * (x - (share * x).sum()).square()).sum()

        return variance(targets), variance(targets - self.critic.values)


def explained_variance(whole: float, residual: float) -> float:
    """1 − Var[target − V] / Var[target]; 0 where all targets are equal."""
    return 0.0 if whole < _EQUAL else 1 - residual / whole


@dataclass(frozen=True)
class Objective:
    """The episodes that take part; arrays have one row for each."""

    episodes: Episodes
    indices: NDArray[np.intp]
    """their places in the rollout"""
    policy: PolicyTerm | None
    """None: the update has neither weights nor advantages"""
    kl: Coefficients | None
    """None: there is no KL loss"""
    kl_weights: Tensor | None
    """[B]"""

    def select(self, rows: NDArray[np.intp]) -> "Objective":
        """A minibatch, with the padding that none of its episodes needs cut off."""
        part = self.episodes.select(rows)
        width = part.responses.tokens.shape[1]
        there = uploaded(rows, part.log_probs.device)
        return Objective(
            part,
            self.indices[rows],
            self.policy.select(rows, there, width) if self.policy else None,
            self.kl.select(rows, there, width) if self.kl else None,
            None if self.kl_weights is None else self.kl_weights[there],
        )

    def token_counts(self) -> NDArray[np.int64]:
        """[B], of the responses."""
        return self.episodes.responses.counts


def make_objective(
    episodes: Episodes, arrays: LossArrays, aggregation: Aggregation, whitening: Whitening = "kept"
) -> Objective:
    """The loss of an epoch over the episodes of a rollout that take part."""
    device = episodes.log_probs.device
    whole = episodes.responses.counts
    taking = arrays.taking_part
    part = episodes.select(taking)
    valid, lengths = part.responses.valid(), part.responses.lengths[:, None]

    def per_token(values: Tensor) -> Tensor:
        """[B] → [B, T]"""
        spread = values[:, None] * valid
        return spread / lengths if aggregation == "seq-mean-token-mean" else spread

    def over_those(values: Tensor, positive: NDArray[np.bool_]) -> Coefficients:
        """A mean weighted by the values themselves."""
        raw = per_token(values)
        sums = values if aggregation == "seq-mean-token-sum" else raw
        return Coefficients(raw, float(sums.sum()), positive)

    def over_all(values: Tensor, positive: NDArray[np.bool_]) -> Coefficients:
        """A mean over the whole rollout, in which a value of 0 counts too."""
        total = whole.sum() if aggregation == "token-mean" else whole.size
        return Coefficients(per_token(values), float(total), positive)

    def taken(array: NDArray[np.float64]) -> Tensor:
        return uploaded(array[taking].astype(np.float32), device)

    policy = None
    if arrays.weights is not None:
        weights = taken(arrays.weights)
        policy = _weighted_term(
            part,
            over_those(weights, arrays.weights[taking] > 0),
            weights[:, None] * valid,
            episodes if whitening == "batch" else None,
        )
    elif arrays.advantages is not None:
        signed = taken(arrays.advantages)
        ones, there = (signed != 0).float(), arrays.advantages[taking] != 0
        policy = PolicyTerm(
            over_all(ones, there), over_those(ones, there), signed[:, None] * valid, None, 1.0
        )
    kl_weights = None if arrays.kl_weights is None else taken(arrays.kl_weights)
    kl = None
    if kl_weights is not None and arrays.kl_weights is not None:
        kl = over_all(kl_weights, arrays.kl_weights[taking] > 0)
    return Objective(part, taking, policy, kl, kl_weights)


def _weighted_term(
    part: Episodes, coefficients: Coefficients, token_weights: Tensor, batch: Episodes | None
) -> PolicyTerm:
    """`batch` has the tokens whose mean and deviation whiten the advantages; None: `part`, by
    weight."""
    critique = part.critique
    assert critique is not None, "weights are on the critic's advantages"
    advantages = critique.advantages
    if part.failed.any():
        # They have no weight, and only a KL; but NaN times zero would still be NaN.
        advantages = torch.where(token_weights > 0, advantages, 0.0)
    population = None
    if batch is not None:
        assert batch.critique is not None
        scored = torch.from_numpy(~batch.failed).to(advantages.device)[:, None]
        counts = (batch.responses.valid() & scored).float()
        population = torch.where(counts > 0, batch.critique.advantages, 0.0), counts
    return PolicyTerm(
        coefficients,
        coefficients,
        whiten(advantages, token_weights, population),
        Targets(critique.values, critique.baseline, advantages + critique.values),
        whitening_deviation(advantages, token_weights, population),
    )
