"""Proximal policy optimization (Schulman et al. 2017) on the episodes that take part.

What the terms of the loss are is in `objective.py` and `kl_loss.py`; here they are put together and
descended. Episodes that do not take part are left out before anything is computed: they cost no
forward and no backward pass, so the update's time is proportional to the episodes kept.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from averse_worker.engine.contract import Report
from averse_worker.models.actor_critic import VALUE_HEAD, Evaluated
from averse_worker.models.policy import Policy
from averse_worker.platform.finite import first_not_finite, require_finite
from averse_worker.platform.ranks import ALONE, Ranks
from averse_worker.rollout.collect import Episodes
from averse_worker.training.kl_loss import ExactKl, K3Kl, KlLossTerm, reference_hidden
from averse_worker.training.minibatches import minibatches
from averse_worker.training.objective import Objective, PolicyTerm, Targets, make_objective
from averse_worker.training.optimizer_state import optimizer_state, put_optimizer_state
from averse_worker.wire.errors import Diverged
from averse_worker.wire.limits import LossArrays
from averse_worker.wire.messages.load import LoadTraining
from averse_worker.wire.messages.training import KlLoss, UpdatePayload


@dataclass(frozen=True)
class UpdateSummary:
    """The result of an update."""

    figures: dict[str, float]
    """as declared in `engine/registry.py`, those that apply"""
    gradient_steps: int
    tokens: int
    """trained tokens, over all epochs"""


class Figures:
    """Means over the gradient steps that reported a figure."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps: dict[str, int] = {}

    def add(self, figures: Mapping[str, Tensor]) -> None:
        """One step's; without waiting for the device."""
        for name, value in figures.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._steps[name] = self._steps.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """By name."""
        return {name: float(total / self._steps[name]) for name, total in self._sums.items()}


class MicrobatchFigures:
    """The figures of a minibatch from those of its microbatches, in one process or several: losses
    add up, means are weighted by what they are means over."""

    _LOSSES: Final = ("loss_policy", "loss_value", "loss_kl")
    _BY_TOKENS: Final = ("entropy", "clip_fraction", "approx_kl")
    _MEANS: Final = (*_BY_TOKENS, "kl_estimate")

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._weights: dict[str, Tensor] = {}

    def add(self, figures: Mapping[str, Tensor], part: Objective) -> None:
        """One microbatch's."""
        for name, value in figures.items():
            weight = torch.ones_like(value)
            if name in self._BY_TOKENS and part.policy is not None:
                weight = part.policy.coefficients.raw.sum()
            elif name == "kl_estimate" and part.kl_weights is not None:
                weight = part.kl_weights.sum()
            self._sums[name] = self._sums.get(name, 0.0) + weight * value
            self._weights[name] = self._weights.get(name, 0.0) + weight

    def sums(self, device: torch.device) -> Tensor:
        """[2N], float32: the weighted sums and then the weights, 0 where a figure is missing."""
        nothing = torch.zeros((), device=device)
        names = (*self._LOSSES, *self._MEANS)
        return torch.stack(
            [found.get(name, nothing) for found in (self._sums, self._weights) for name in names]
        )

    @classmethod
    def combined(cls, sums: Tensor) -> dict[str, Tensor]:
        """By name, from `sums` or the total of those of several processes."""
        names = (*cls._LOSSES, *cls._MEANS)
        totals, weights = torch.split(sums, len(names))
        there = zip(names, totals, weights, (weights > 0).tolist(), strict=True)
        return {
            name: total / weight if name in cls._MEANS else total
            for name, total, weight, known in there
            if known
        }


class Ppo:
    """The optimizer of one policy and its update rule."""

    def __init__(
        self,
        policy: Policy,
        training: LoadTraining,
        min_new_tokens: int,
        ranks: Ranks = ALONE,
    ) -> None:
        """`ranks`: those that train the same policy; all are given the same episodes."""
        self._policy = policy
        self._ranks = ranks
        self._training = training
        self._min_new_tokens = min_new_tokens
        self._likelihood = False
        """whether the update in hand learns by -A·log π, without a ratio"""
        self.reset()

    def update(
        self, episodes: Episodes, arrays: LossArrays, settings: UpdatePayload, report: Report
    ) -> UpdateSummary:
        """`epochs` passes over the episodes that take part.

        Args:
            arrays: of the payload `settings`, read.

        Raises:
            Diverged: a weight, loss or gradient is NaN or infinite. Nothing of that gradient step
                was applied, to weights or moments; the steps before it were.
        """
        require_finite(self._parameters)
        training, device = self._training, self._policy.device.torch_device
        self._likelihood = settings.conditions is not None
        objective = make_objective(episodes, arrays, settings.loss_aggregation, settings.whiten)
        rates = (training.learning_rate, training.value_learning_rate)
        for group, rate in zip(self.optimizer.param_groups, rates, strict=False):
            group["lr"] = rate * settings.learning_rate_factor
        generated = objective.token_counts()
        prompts = objective.episodes.prompts.lengths.cpu().numpy()
        count = len(prompts)
        steps = settings.steps_per_epoch or math.ceil(count / training.minibatch)
        # Each step's loss is its fraction of one sum over the batch, so that an episode's influence
        # is its weight wherever the shuffle puts it.
        factor = count * steps / max(count, steps)
        kl = self._kl_loss(objective, settings.kl_loss, report)
        total = training.epochs * steps
        figures, tokens, done = Figures(), 0, 0
        random = np.random.default_rng(settings.seed)
        with self._policy.checkpointed():
            for _ in range(training.epochs):
                for rows in minibatches(prompts, generated, steps, random):
                    report("update", done, total, "steps")
                    part = objective.select(torch.from_numpy(rows).to(device))
                    figures.add(self._step(part, factor, kl, rows))
                    tokens += int(generated[rows].sum())
                    done += 1
        report("update", total, total, "steps")
        # A finite step can still overflow float32; such weights must not be saved or evaluated.
        require_finite(self._parameters)
        means = figures.means()
        if objective.policy is not None and objective.policy.critic is not None:
            means["explained_variance"] = objective.policy.explained_variance()
            if kl is not None:
                means["advantage_deviation"] = objective.policy.deviation
        return UpdateSummary(means, total, tokens)

    def reset(self) -> None:
        """Begins with fresh moments, of the parameters that the policy has now."""
        self._parameters = self._policy.parameters
        self.optimizer = new_optimizer(self._policy, self._training)

    def state(self) -> dict[str, Tensor]:
        """The optimizer's state, `<parameter>|<field>` → tensor."""
        return optimizer_state(self.optimizer, self._parameters)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restores what `state` returned, on the parameters' device."""
        self.reset()
        put_optimizer_state(self.optimizer, self._parameters, state)

    def _kl_loss(
        self, objective: Objective, wanted: KlLoss | None, report: Report
    ) -> KlLossTerm | None:
        if wanted is None or objective.kl is None:
            return None
        coefficient = wanted.coefficient
        if wanted.unit == "reward" and objective.policy is not None:
            # As the policy's term was: the loss is that of un-whitened advantages over σ.
            coefficient /= objective.policy.deviation
        if wanted.form != "exact":
            return K3Kl(coefficient, wanted.form == "k3-corrected")
        hidden = reference_hidden(
            self._policy, objective.episodes, objective.kl.raw > 0, self._training.minibatch, report
        )
        return ExactKl(coefficient, hidden)

    def _step(
        self, part: Objective, factor: float, kl: KlLossTerm | None, rows: NDArray[np.intp]
    ) -> dict[str, Tensor]:
        """One gradient step, of the gradients of all microbatches; returns its figures.

        Each process has a part of the episodes; the coefficients are those of the whole batch, so
        gradients add up to those of one process.
        """
        size = self._training.microbatch or len(rows)
        self.optimizer.zero_grad(set_to_none=True)
        if self._ranks.count == 1 and size >= len(rows):
            figures = self._accumulate(part, factor, kl, rows)
        else:
            found, mine = MicrobatchFigures(), self._ranks.part(len(rows))
            device = part.indices.device
            for start in range(mine.start, mine.stop, size):
                end = min(start + size, mine.stop)
                micro = part.select(torch.arange(start, end, device=device))
                found.add(self._accumulate(micro, factor, kl, rows[start:end]), micro)
            sums = self._ranks.sum_step(self._parameters, found.sums(device))
            figures = found.combined(sums)
        figures["grad_norm"] = self._descend(part.indices)
        return figures

    def _accumulate(
        self, part: Objective, factor: float, kl: KlLossTerm | None, rows: NDArray[np.intp]
    ) -> dict[str, Tensor]:
        """Forward and backward pass of some episodes, whose gradients are added; their figures."""
        policy, term = self._policy, part.policy
        valid = part.episodes.responses.valid()
        wanted = torch.zeros_like(valid) if term is None else term.coefficients.raw > 0
        asked = None
        if kl is not None and part.kl is not None:
            where, kl_weights = part.kl.raw > 0, part.kl.scaled(factor)
            wanted = wanted | kl.tokens(where)
            asked = kl.exact(policy, where, kl_weights, rows)
        seen = policy.evaluate(
            policy.model,
            part.episodes.prompts,
            part.episodes.responses,
            self._min_new_tokens,
            values=term is not None and term.critic is not None,
            wanted=wanted,
            kl=asked,
        )
        losses: list[Tensor] = []
        figures: dict[str, Tensor] = {}
        if term is not None:
            # By likelihood: the ratio to the policy as it is, 1, with the gradient of log π.
            old = seen.log_probs.detach() if self._likelihood else part.episodes.log_probs
            held = torch.where(wanted, old, 0.0)
            losses.append(self._policy_loss(term, seen, held, factor, figures))
        if kl is not None and part.kl is not None and part.kl_weights is not None:
            loss_kl, per_token = kl.loss(seen, part.episodes, where, kl_weights)
            losses.append(loss_kl)
            figures["loss_kl"] = loss_kl.detach()
            with torch.no_grad():
                if bool((part.kl_weights > 0).any()):
                    shares = part.kl_weights / part.kl_weights.sum()
                    figures["kl_estimate"] = (shares * per_token.sum(1)).sum()
        loss = sum(losses[1:], start=losses[0])
        self._check(loss, seen, part.indices)
        (loss * policy.device.loss_scale).backward()  # type: ignore[no-untyped-call]
        return figures

    def _policy_loss(
        self,
        term: PolicyTerm,
        seen: Evaluated,
        old: Tensor,
        factor: float,
        figures: dict[str, Tensor],
    ) -> Tensor:
        """The clipped objective with the critic's loss and the entropy; adds their figures."""
        training = self._training
        weights = term.coefficients.scaled(factor)
        log_ratio = seen.log_probs - old
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - training.clip_ratio, 1 + training.clip_ratio)
        # Schulman et al. 2017, eq. 7.
        surrogate = torch.minimum(ratio * term.advantages, clipped * term.advantages)
        loss = loss_policy = -(weights * surrogate).sum()
        figures["loss_policy"] = loss_policy.detach()
        if term.critic is not None:
            assert seen.values is not None
            loss_value = self._value_loss(term.critic, seen.values, weights)
            figures["loss_value"] = loss_value.detach()
            loss = loss + training.value_coefficient * loss_value
        if training.entropy_coefficient:
            entropy = (term.entropy.scaled(factor) * seen.entropies).sum()
            loss = loss - training.entropy_coefficient * entropy
        with torch.no_grad():
            raw = term.coefficients.raw
            if bool((raw > 0).any()):
                share = raw / raw.sum()
                outside = (ratio - 1).abs() > training.clip_ratio
                figures["entropy"] = (share * seen.entropies).sum()
                figures["clip_fraction"] = (share * outside).sum()
                figures["approx_kl"] = (share * (ratio - 1 - log_ratio)).sum()
        return loss

    def _value_loss(self, critic: Targets, own: Tensor, weights: Tensor) -> Tensor:
        """The larger of the squared errors of the values and of the values clipped."""
        values = own + critic.baseline
        reach = self._training.clip_value
        near = critic.values + (values - critic.values).clamp(-reach, reach)
        targets = critic.lambda_returns
        error = torch.maximum((values - targets).square(), (near - targets).square())
        return 0.5 * (weights * error).sum()

    def _descend(self, indices: Tensor) -> Tensor:
        """Check, clipping, optimizer step; the gradient's norm."""
        factor = self._policy.device.loss_scale
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

    def _check(self, loss: Tensor, seen: Evaluated, indices: Tensor) -> None:
        if bool(torch.isfinite(loss)):
            return
        arrays = (("log-probabilities", seen.log_probs), ("values", seen.values), ("KL", seen.kl))
        for name, tensor in arrays:
            if tensor is not None and bool((bad := ~torch.isfinite(tensor).all(1)).any()):
                raise _diverged(name, indices[bad])
        raise _diverged("the loss", indices)


def new_optimizer(policy: Policy, training: LoadTraining) -> torch.optim.AdamW:
    """AdamW over the policy's trained parameters; the value head has a rate of its own."""
    named = policy.parameters
    actor = [p for n, p in named.items() if not n.startswith(VALUE_HEAD)]
    head = [p for n, p in named.items() if n.startswith(VALUE_HEAD)]
    groups: list[dict[str, Any]] = [{"params": actor, "lr": training.learning_rate}]
    if head:
        groups.append({"params": head, "lr": training.value_learning_rate})
    return torch.optim.AdamW(
        groups,
        betas=(0.9, 0.999),
        weight_decay=0.0,
        fused=policy.device.torch_device.type in ("cpu", "cuda"),
    )


def _diverged(what: str, indices: Tensor) -> Diverged:
    episodes = sorted(indices.tolist())
    shown = ", ".join(str(episode) for episode in episodes[:8])
    return Diverged(
        f"{what} became NaN or infinite in the update, episodes {shown} of the rollout; start "
        "a new run with a lower training.learning_rate or a smaller reward scale",
        detail=f"episodes {episodes}",
    )
