"""Proximal policy optimization (Schulman et al. 2017) on the episodes that carry weight.

Episodes of weight zero are left out before anything is computed: they cost no forward and no
backward pass, so the update's time is proportional to the episodes kept.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from averse_worker.engine.contract import Report
from averse_worker.models.actor_critic import VALUE_HEAD
from averse_worker.models.policy import Policy
from averse_worker.platform.finite import first_not_finite, require_finite
from averse_worker.rollout.collect import Episodes
from averse_worker.training.minibatches import Kept, minibatches
from averse_worker.wire.errors import Diverged
from averse_worker.wire.messages.load import LoadTraining


@dataclass(frozen=True)
class UpdateSummary:
    """Means over the gradient steps."""

    loss_policy: float
    loss_value: float
    entropy: float
    """nats a token"""
    clip_fraction: float
    """share of tokens whose ratio was clipped"""
    approx_kl: float
    """mean over tokens of (ratio - 1) - log ratio, an unbiased estimate of the step's KL"""
    grad_norm: float
    """before clipping"""
    explained_variance: float
    """of the returns by the critic, before the update"""
    gradient_steps: int
    tokens: int


class Ppo:
    """The optimizer of one policy and its update rule."""

    def __init__(self, policy: Policy, training: LoadTraining, min_new_tokens: int) -> None:
        self._policy = policy
        self._training = training
        self._min_new_tokens = min_new_tokens
        self.reset()

    def update(
        self,
        episodes: Episodes,
        weights: NDArray[np.float64],
        seed: int,
        learning_rate_factor: float,
        report: Report,
    ) -> UpdateSummary:
        """`epochs` passes over the episodes of weight > 0.

        Args:
            weights: [B] ≥ 0, not all zero; only their ratios matter.
            seed: of the minibatches' order.

        Raises:
            Diverged: a weight, loss or gradient is NaN or infinite. Nothing of that gradient step
                was applied, to weights or moments; the steps before it were.
        """
        require_finite(self._parameters)
        training, device = self._training, self._policy.device.torch_device
        kept = torch.from_numpy(np.flatnonzero(weights)).to(device)
        batch = Kept.of(episodes, kept, torch.from_numpy(weights).float().to(device)[kept])
        for group, rate in zip(
            self.optimizer.param_groups,
            (training.learning_rate, training.value_learning_rate),
            strict=True,
        ):
            group["lr"] = rate * learning_rate_factor
        lengths = (batch.episodes.prompts.lengths + batch.episodes.responses.lengths).cpu().numpy()
        steps = math.ceil(len(lengths) / training.minibatch)
        # Each step's loss is its share of one sum over the batch, so that an episode's influence
        # is its weight wherever the shuffle puts it.
        scale = float(batch.token_weights.sum()) / steps
        total = training.epochs * steps
        sums: Tensor | None = None
        random = np.random.default_rng(seed)
        done = 0
        for _ in range(training.epochs):
            for rows in minibatches(lengths, training.minibatch, random):
                report("update", done, total, "steps")
                statistics = self._step(batch, torch.from_numpy(rows).to(device), scale)
                sums = statistics if sums is None else sums + statistics
                done += 1
        report("update", total, total, "steps")
        # A finite step can still lead out of float32; nobody is to save or judge such weights.
        require_finite(self._parameters)
        assert sums is not None
        means = (sums / total).tolist()
        policy, value, entropy, clipped, approx_kl, norm = means
        return UpdateSummary(
            loss_policy=policy,
            loss_value=value,
            entropy=entropy,
            clip_fraction=clipped,
            approx_kl=approx_kl,
            grad_norm=norm,
            explained_variance=batch.explained_variance(),
            gradient_steps=total,
            tokens=training.epochs * int(batch.episodes.responses.lengths.sum()),
        )

    def reset(self) -> None:
        """Begins with fresh moments, of the parameters that the policy has now."""
        self._parameters = self._policy.parameters
        self.optimizer = new_optimizer(self._policy, self._training)

    def state(self) -> dict[str, Tensor]:
        """The optimizer's state, `<parameter>|<field>` → tensor."""
        return {
            f"{name}|{field}": tensor
            for name, parameter in self._parameters.items()
            for field, tensor in self.optimizer.state[parameter].items()
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes up what `state` gave, on the parameters' device."""
        self.reset()
        for key, tensor in state.items():
            name, field = key.split("|")
            self.optimizer.state[self._parameters[name]][field] = tensor

    def _step(self, batch: Kept, rows: Tensor, scale: float) -> Tensor:
        """One gradient step; answers losses, entropy, clip fraction, approximate KL and norm."""
        policy, training = self._policy, self._training
        part = batch.select(rows)
        seen = policy.evaluate(
            policy.model,
            part.episodes.prompts,
            part.episodes.responses,
            self._min_new_tokens,
            values=True,
        )
        assert seen.values is not None
        token_weights = part.token_weights / scale
        log_ratio = seen.log_probs - part.episodes.log_probs
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - training.clip_ratio, 1 + training.clip_ratio)
        # Schulman et al. 2017, eq. 7.
        surrogate = torch.minimum(ratio * part.advantages, clipped * part.advantages)
        loss_policy = -(token_weights * surrogate).sum()
        values = seen.values + part.episodes.baseline
        near = part.episodes.values + (values - part.episodes.values).clamp(
            -training.clip_value, training.clip_value
        )
        error = torch.maximum((values - part.targets).square(), (near - part.targets).square())
        loss_value = 0.5 * (token_weights * error).sum()
        entropy = (token_weights * seen.entropies).sum()
        loss = loss_policy + training.value_coefficient * loss_value
        if training.entropy_coefficient:
            loss = loss - training.entropy_coefficient * entropy
        self._check(loss, seen.log_probs, seen.values, part.indices)
        norm = self._descend(loss, part.indices)
        with torch.no_grad():
            share = part.token_weights / part.token_weights.sum()
            outside = (ratio - 1).abs() > training.clip_ratio
            return torch.stack(
                [
                    loss_policy.detach(),
                    loss_value.detach(),
                    (share * seen.entropies).sum(),
                    (share * outside).sum(),
                    (share * (ratio - 1 - log_ratio)).sum(),
                    norm,
                ]
            )

    def _descend(self, loss: Tensor, indices: Tensor) -> Tensor:
        """Backward pass, check, clipping, optimizer step; the gradient's norm."""
        factor = self._policy.device.loss_scale
        self.optimizer.zero_grad(set_to_none=True)
        (loss * factor).backward()  # type: ignore[no-untyped-call]
        gradients = {n: p.grad for n, p in self._parameters.items() if p.grad is not None}
        if factor != 1.0:
            for gradient in gradients.values():
                gradient.div_(factor)
        norm = nn.utils.get_total_norm(gradients.values())
        if not bool(torch.isfinite(norm)):
            bad = first_not_finite(gradients)
            raise _diverged(f"the gradient of {bad}" if bad else "the gradient's norm", indices)
        # Mostly there is nothing to clip, and a pass over all gradients is saved.
        if float(norm) > self._training.max_grad_norm:
            nn.utils.clip_grads_with_norm_(
                self._parameters.values(), self._training.max_grad_norm, norm
            )
        self.optimizer.step()
        return norm

    def _check(self, loss: Tensor, log_probs: Tensor, values: Tensor, indices: Tensor) -> None:
        if bool(torch.isfinite(loss)):
            return
        for name, tensor in (("log-probabilities", log_probs), ("values", values)):
            bad = ~torch.isfinite(tensor).all(1)
            if bool(bad.any()):
                raise _diverged(name, indices[bad])
        raise _diverged("the loss", indices)


def new_optimizer(policy: Policy, training: LoadTraining) -> torch.optim.AdamW:
    """AdamW over the policy's trained parameters; the value head has a rate of its own."""
    named = policy.parameters
    actor = [p for n, p in named.items() if not n.startswith(VALUE_HEAD)]
    head = [p for n, p in named.items() if n.startswith(VALUE_HEAD)]
    return torch.optim.AdamW(
        [
            {"params": actor, "lr": training.learning_rate},
            {"params": head, "lr": training.value_learning_rate},
        ],
        betas=(0.9, 0.999),
        weight_decay=0.0,
        fused=policy.device.torch_device.type in ("cpu", "cuda"),
    )


def _diverged(what: str, indices: Tensor) -> Diverged:
    episodes = sorted(indices.tolist())
    shown = ", ".join(str(episode) for episode in episodes[:8])
    return Diverged(
        f"{what} became NaN or infinite in the update, episodes {shown} of the rollout; restore "
        "a checkpoint and lower training.learning_rate or the reward's scale",
        detail=f"episodes {episodes}",
    )
