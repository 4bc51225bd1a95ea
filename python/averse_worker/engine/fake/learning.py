"""The fake engine's policy and its PPO step: a Gaussian over one action, linear in the features.

Small enough to be read at once, and an honest policy gradient: it learns from exactly those
episodes that take part.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.engine.fake.world import Floats
from averse_worker.wire.errors import Diverged
from averse_worker.wire.messages.load import LoadTraining
from averse_worker.wire.messages.training import KlForm

POLICY_SPEED: Final = 1500.0
"""Makes the learning rates of a transformer (1e-5) move eight parameters visibly."""

VALUE_SPEED: Final = 100.0


@dataclass
class Parameters:
    """All that learning changes; shape (FEATURES,) each."""

    policy: Floats
    reference: Floats
    ema: Floats
    value: Floats


@dataclass(frozen=True)
class Episodes:
    """A rollout as it is kept for the update; one row per episode."""

    features: Floats
    shift: Floats
    """What the condition adds to the mean action, which is not learned."""
    actions: Floats
    log_probability: Floats
    reference_means: Floats
    """Mean actions of the reference."""
    failed: NDArray[np.bool_]
    """Which have no reward."""
    offset: Floats
    """Part of the critic that is not learned."""
    values: Floats
    lambda_return: Floats
    """NaN where the reward failed."""
    kl_per_token: Floats
    """β in, as it is in the λ-return."""
    lengths: Floats
    scale: float
    """Standard deviation of the actions: the sampling temperature."""


@dataclass(frozen=True)
class Loss:
    """What the episodes of an update count, shape (episodes,) each.

    An episode is one action, so that there is one token to aggregate and the three ways of doing it
    are one. All factors are such that their mean over the episodes that take part is the epoch's.
    """

    policy: Floats
    """Factor of the clipped surrogate; 0: not in it."""
    advantages: Floats
    deviation: float
    """What whitening divided them by; 1 where they are taken as they came."""
    critic: bool
    """Whether the value head learns, with the same factors."""
    kl: Floats
    """Factor of the KL, its coefficient in."""
    kl_form: KlForm | None
    likelihood: bool
    """Whether the surrogate is A·log π, without a ratio."""


def log_density(actions: Floats, means: Floats, scale: float) -> Floats:
    """log π(a), shape of `actions`."""
    return -0.5 * ((actions - means) / scale) ** 2 - math.log(scale * math.sqrt(2 * math.pi))


def entropy(scale: float) -> float:
    """Of the policy's Gaussian, in nats."""
    return 0.5 * math.log(2 * math.pi * math.e * scale**2)


def kl_loss(
    form: KlForm,
    actions: Floats,
    means: Floats,
    reference: Floats,
    ratio: Floats,
    scale: float,
) -> tuple[Floats, Floats]:
    """KL(π‖π_ref) of each episode and its derivative by the mean of π.

    `exact`: of the two Gaussians; `k3`: e^(−d) − 1 + d with d = log π − log π_ref of the action;
    `k3-corrected`: times `ratio`, π over the policy that sampled.
    """
    if form == "exact":
        apart = means - reference
        return 0.5 * (apart / scale) ** 2, apart / scale**2
    d = log_density(actions, means, scale) - log_density(actions, reference, scale)
    k3, pull = np.exp(-d) - 1 + d, (actions - means) / scale**2
    if form == "k3":
        return k3, (1 - np.exp(-d)) * pull
    return ratio * k3, ratio * (1 - np.exp(-d) + k3) * pull


def lambda_return(
    reward: Floats, kl_per_token: Floats, values: Floats, lengths: Floats, training: LoadTraining
) -> Floats:
    """GAE advantage + value at the first token, with one value for all tokens of an episode.

    `reward` comes at the last token, `kl_per_token` (β in) is taken off at each.
    """
    # Backwards over the tokens: G_t = r_t + γ·((1 − λ)·V + λ·G_{t+1}).
    gamma, lambda_ = training.gamma, training.lambda_
    result = reward - kl_per_token
    for token in range(1, int(lengths.max(initial=1))):
        longer = lengths > token
        carried = -kl_per_token + gamma * ((1 - lambda_) * values + lambda_ * result)
        result = np.where(longer, carried, result)
    return result


def gradient_step(
    parameters: Parameters,
    episodes: Episodes,
    rows: NDArray[np.intp],
    loss: Loss,
    training: LoadTraining,
    factor: float,
) -> dict[str, float]:
    """Moves policy and value head by one clipped step over the episodes `rows`.

    Returns the figures of the step by name.

    Raises:
        Diverged: a parameter or a figure would no longer be finite; none is changed then.
    """
    features, actions = episodes.features[rows], episodes.actions[rows]
    weights, advantages = loss.policy[rows], loss.advantages[rows]
    means = features @ parameters.policy + episodes.shift[rows]
    figures: dict[str, float] = {}
    with np.errstate(over="ignore", invalid="ignore"):
        log_ratio = log_density(actions, means, episodes.scale) - episodes.log_probability[rows]
        if loss.likelihood:
            log_ratio = np.zeros_like(log_ratio)
        ratio = np.exp(log_ratio)
        clipped = np.clip(ratio, 1 - training.clip_ratio, 1 + training.clip_ratio)
        surrogate = np.minimum(ratio * advantages, clipped * advantages)
        active = ratio * advantages <= clipped * advantages
        pull = weights * active * advantages * ratio * (actions - means) / episodes.scale**2
        if loss.kl_form is not None:
            reference = episodes.reference_means[rows]
            kl, slope = kl_loss(loss.kl_form, actions, means, reference, ratio, episodes.scale)
            pull = pull - loss.kl[rows] * slope
            figures["loss_kl"] = float((loss.kl[rows] * kl).mean())
        policy_gradient = features.T @ pull / rows.size
        if loss.policy.any():
            figures["loss_policy"] = float(-(weights * surrogate).mean())
        value_head = parameters.value
        if loss.critic:
            old = episodes.values[rows]
            value = features @ parameters.value + episodes.offset[rows]
            held = old + np.clip(value - old, -training.clip_value, training.clip_value)
            error = value - episodes.lambda_return[rows]
            held_error = held - episodes.lambda_return[rows]
            learns = error**2 >= held_error**2
            value_gradient = features.T @ (weights * learns * error) / rows.size
            value_rate = training.value_learning_rate * factor * VALUE_SPEED
            value_head = parameters.value - value_rate * training.value_coefficient * value_gradient
            squares = np.maximum(error**2, held_error**2)
            figures["loss_value"] = float(0.5 * (weights * squares).mean())

        norm = float(np.linalg.norm(policy_gradient))
        shrink = min(1.0, training.max_grad_norm / norm) if norm > 0 else 1.0
        rate = training.learning_rate * factor * POLICY_SPEED
        policy = parameters.policy + rate * shrink * policy_gradient
        figures |= {
            "clip_fraction": float((np.abs(ratio - 1) > training.clip_ratio).mean()),
            "approx_kl": float((ratio - 1 - log_ratio).mean()),
            "grad_norm": norm,
        }
    numbers = np.array(list(figures.values()))
    for name, values in (("figures", numbers), ("policy", policy), ("value head", value_head)):
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
