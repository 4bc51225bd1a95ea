"""The fake engine's policy and its PPO step: a Gaussian over one action, linear in the features.

Small enough to be read at once, and an honest policy gradient: it learns from exactly those
episodes that carry weight.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.engine.fake.world import Floats
from averse_worker.wire.errors import Diverged
from averse_worker.wire.messages.load import LoadTraining

POLICY_SPEED: Final = 1500.0
"""Makes the learning rates of a transformer (1e-5) move eight parameters visibly."""

VALUE_SPEED: Final = 100.0


@dataclass
class Parameters:
    """All that learning changes; shape (FEATURES,) each."""

    policy: Floats
    reference: Floats
    average: Floats
    value: Floats


@dataclass(frozen=True)
class Episodes:
    """A rollout as it is kept for the update; one row an episode."""

    features: Floats
    offset: Floats
    """Part of the critic that is not learned."""
    actions: Floats
    log_probability: Floats
    values: Floats
    lambda_return: Floats
    """NaN where the reward failed."""
    lengths: Floats
    scale: float
    """Standard deviation of the actions: the sampling temperature."""

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which have no reward."""
        return np.isnan(self.lambda_return)


@dataclass(frozen=True)
class StepFigures:
    """Of one gradient step."""

    loss_policy: float
    loss_value: float
    clip_fraction: float
    approx_kl: float
    grad_norm: float


def log_density(actions: Floats, means: Floats, scale: float) -> Floats:
    """log π(a), shape of `actions`."""
    return -0.5 * ((actions - means) / scale) ** 2 - math.log(scale * math.sqrt(2 * math.pi))


def entropy(scale: float) -> float:
    """Of the policy's Gaussian, in nats."""
    return 0.5 * math.log(2 * math.pi * math.e * scale**2)


def lambda_return(
    reward: Floats, kl_a_token: Floats, values: Floats, lengths: Floats, training: LoadTraining
) -> Floats:
    """GAE advantage + value at the first token, with one value for all tokens of an episode.

    `reward` comes at the last token, `kl_a_token` (β in) is taken off at each.
    """
    # Backwards over the tokens: G_t = r_t + γ·((1 − λ)·V + λ·G_{t+1}).
    gamma, lambda_ = training.gamma, training.lambda_
    result = reward - kl_a_token
    for token in range(1, int(lengths.max(initial=1))):
        longer = lengths > token
        carried = -kl_a_token + gamma * ((1 - lambda_) * values + lambda_ * result)
        result = np.where(longer, carried, result)
    return result


def gradient_step(
    parameters: Parameters,
    episodes: Episodes,
    rows: np.ndarray[tuple[int], np.dtype[np.intp]],
    weights: Floats,
    advantages: Floats,
    training: LoadTraining,
    factor: float,
) -> StepFigures:
    """Moves policy and value head by one clipped step over the episodes `rows`.

    `weights` and `advantages` belong to `rows`; the weights of all rows of an epoch have mean 1.

    Raises:
        Diverged: a parameter or a figure would no longer be finite; none is changed then.
    """
    features = episodes.features[rows]
    actions = episodes.actions[rows]
    means = features @ parameters.policy
    with np.errstate(over="ignore", invalid="ignore"):
        log_ratio = log_density(actions, means, episodes.scale) - episodes.log_probability[rows]
        ratio = np.exp(log_ratio)
        clipped = np.clip(ratio, 1 - training.clip_ratio, 1 + training.clip_ratio)
        surrogate = np.minimum(ratio * advantages, clipped * advantages)
        active = ratio * advantages <= clipped * advantages
        pull = weights * active * advantages * ratio * (actions - means) / episodes.scale**2
        policy_gradient = features.T @ pull / rows.size

        old = episodes.values[rows]
        value = features @ parameters.value + episodes.offset[rows]
        held = old + np.clip(value - old, -training.clip_value, training.clip_value)
        error = value - episodes.lambda_return[rows]
        held_error = held - episodes.lambda_return[rows]
        learns = error**2 >= held_error**2
        value_gradient = features.T @ (weights * learns * error) / rows.size

        norm = float(np.linalg.norm(policy_gradient))
        shrink = min(1.0, training.max_grad_norm / norm) if norm > 0 else 1.0
        rate = training.learning_rate * factor * POLICY_SPEED
        value_rate = training.value_learning_rate * factor * VALUE_SPEED
        policy = parameters.policy + rate * shrink * policy_gradient
        value_head = parameters.value - value_rate * training.value_coefficient * value_gradient
        figures = StepFigures(
            loss_policy=float(-(weights * surrogate).mean()),
            loss_value=float(0.5 * (weights * np.maximum(error**2, held_error**2)).mean()),
            clip_fraction=float((np.abs(ratio - 1) > training.clip_ratio).mean()),
            approx_kl=float((ratio - 1 - log_ratio).mean()),
            grad_norm=norm,
        )
    told = np.array(list(vars(figures).values()))
    for name, values in (("figures", told), ("policy", policy), ("value head", value_head)):
        if not np.isfinite(values).all():
            raise Diverged(
                f"the {name} became NaN or infinite in the update, episodes "
                f"{', '.join(map(str, rows[:8]))} of the rollout; lower training.learning_rate or "
                "training.value_learning_rate",
                key="training.learning_rate",
                detail=f"{figures}, policy {policy}, value {value_head}, episodes {rows.tolist()}",
            )
    parameters.policy, parameters.value = policy, value_head
    return figures
