"""Proximal policy optimization (Schulman et al. 2017) on the episodes that take part.

What the terms of the loss are is in `objective.py` and `kl_loss.py`; here they are put together and
descended. Episodes that do not take part are left out before anything is computed: they cost no
forward and no backward pass, so the update's time is proportional to the episodes kept.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from averse_worker.engine.contract import Report
from averse_worker.models.actor_critic import VALUE_HEAD, Evaluated
from averse_worker.models.batches import uploaded
from averse_worker.models.policy import Policy
from averse_worker.platform.finite import first_not_finite, require_finite
from averse_worker.platform.ranks import ALONE, Ranks
from averse_worker.rollout.collect import Episodes
from averse_worker.training.importance import importance_figures, truncated_importance
from averse_worker.training.kl_loss import ExactKl, K3Kl, KlLossTerm, reference_hidden
from averse_worker.training.minibatches import minibatches_of_prompts
from averse_worker.training.objective import (
    Objective,
    PolicyTerm,
    Targets,
    explained_variance,
    make_objective,
)
from averse_worker.wire.errors import Diverged
from averse_worker.wire.limits import LossArrays
from averse_worker.wire.messages.load import LoadTraining
from averse_worker.wire.messages.training import KlLoss, UpdatePayload

LOSS: Final = "loss"
"""of a microbatch or step, among its figures; it is not reported"""
_FIRST_BROKEN: Final = "first_broken"
_NORM: Final = "norm"
_VARIANCES: Final = ("variance", "residual_variance")
"""names of what is read from the device along with an update's figures"""


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

    def means(self, beside: Mapping[str, Tensor]) -> dict[str, float]:
        """By name, with further numbers `beside` them; all are read from the device at once."""
        means = {name: total / self._steps[name] for name, total in self._sums.items()}
        named = means | dict(beside)
        return dict(zip(named, torch.stack(list(named.values())).tolist(), strict=True))


class MicrobatchFigures:
    """The figures of a minibatch from those of its microbatches, in one process or several: losses
    add up, means are weighted by what they are means over."""

    _LOSSES: Final = (LOSS, "loss_policy", "loss_value", "loss_kl")
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

    def combined(self, sums: Tensor, *, several: bool) -> dict[str, Tensor]:
        """By name, from `sums` or, of several processes, their total."""
        names = (*self._LOSSES, *self._MEANS)
        totals, weights = torch.split(sums, len(names))
        # Those of one process are known without a look at the device.
        known = (weights > 0).tolist() if several else [name in self._sums for name in names]
        there = zip(names, totals, weights, known, strict=True)
        return {
            name: total / weight if name in self._MEANS else total
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
        importance_bound: float = math.inf,
    ) -> None:
        """Makes the optimizer.

        Args:
            ranks: those that train the same policy; all are given the same episodes.
            importance_bound: ≥ 1, of the ratios of episodes that something else drew.
        """
        self._policy = policy
        self._ranks = ranks
        self._training = training
        self._min_new_tokens = min_new_tokens
        self._importance_bound = importance_bound
        self._likelihood = False
        """whether the update in hand learns by -A·log π, without a ratio"""
        self.reset()

    def update(
        self, episodes: Episodes, arrays: LossArrays, settings: UpdatePayload, report: Report
    ) -> UpdateSummary:
        """`epochs` passes over the episodes that take part.

        Args:
            arrays: of the payload `settings`, read.

        Where work is queued on the device, nothing in an epoch waits for it: whether all was
        finite is read at the epoch's end, and no step is applied after one that was not.

        Raises:
            Diverged: a weight, loss or gradient is NaN or infinite. Nothing of that gradient step
                was applied, to weights or moments; the steps before it were.
        """
        require_finite(self._parameters)
        training = self._training
        self._likelihood = settings.conditions is not None
        objective = make_objective(episodes, arrays, settings.loss_aggregation, settings.whiten)
        critic = objective.policy is not None and objective.policy.critic is not None
        rate = settings.learning_rate_factor
        self.descent.begin(
            (training.learning_rate * rate, training.value_learning_rate * rate if critic else None)
        )
        generated = objective.token_counts()
        prompts = objective.episodes.prompts
        count = len(prompts.counts)
        steps = settings.steps_per_epoch or math.ceil(count / training.minibatch)
        # Each step's loss is its fraction of one sum over the batch, so that an episode's influence
        # is its weight wherever the shuffle puts it.
        factor = count * steps / max(count, steps)
        kl = self._kl_loss(objective, settings.kl_loss, report)
        total = training.epochs * steps
        figures, tokens, done = Figures(), 0, 0
        random = np.random.default_rng(settings.seed)
        taken: list[NDArray[np.intp]] = []
        with self._policy.updating(), self._reference_head(kl):
            for _ in range(training.epochs):
                for rows in minibatches_of_prompts(prompts, generated, steps, random):
                    report("update", done, total, "steps")
                    taken.append(rows)
                    figures.add(self._step(objective.select(rows), factor, kl, rows, done))
                    tokens += int(generated[rows].sum())
                    done += 1
                    if not self._policy.device.queued:
                        self._check_steps(objective, factor, kl, taken)
                if self._policy.device.queued and done < total:
                    self._check_steps(objective, factor, kl, taken)
            beside = {_FIRST_BROKEN: self.descent.first_broken}
            if objective.policy is not None and critic:
                beside |= zip(_VARIANCES, objective.policy.variances(), strict=True)
            with torch.no_grad():
                beside[_NORM] = nn.utils.get_total_norm(self._parameters.values())
            means = figures.means(beside)
            if means.pop(_FIRST_BROKEN) >= 0:
                self._check_steps(objective, factor, kl, taken)
        report("update", total, total, "steps")
        # A finite step can still overflow float32; such weights must not be saved or evaluated.
        if not math.isfinite(means.pop(_NORM)):
            require_finite(self._parameters)
        if objective.policy is not None and critic:
            means["explained_variance"] = explained_variance(*map(means.pop, _VARIANCES))
            if kl is not None:
                means["advantage_deviation"] = objective.policy.deviation
        if episodes.log_importance is not None:
            found = episodes.log_importance.cpu().numpy()[episodes.responses.generated()]
            means |= importance_figures(found, self._importance_bound)
        return UpdateSummary(means, total, tokens)

    def reset(self) -> None:
        """Begins with fresh moments, of the parameters that the policy has now."""
        self._parameters = self._policy.parameters
        self.descent = self._policy.descent(
            lambda named: new_optimizer(self._policy, self._training, named),
            self._training.max_grad_norm,
            self._ranks,
        )

    def state(self) -> dict[str, Tensor]:
        """The optimizer's state, `<parameter>|<field>` → tensor."""
        return self.descent.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restores what `state` returned, on the parameters' device."""
        self.reset()
        self.descent.restore(state)

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
            self._policy, objective.episodes, objective.kl.taking, self._training.minibatch, report
        )
        return ExactKl(coefficient, hidden)

    def _reference_head(self, kl: KlLossTerm | None) -> contextlib.AbstractContextManager[None]:
        """For the block, what an exact KL needs of the reference."""
        exact = isinstance(kl, ExactKl)
        return self._policy.reference_head_whole() if exact else contextlib.nullcontext()

    def _step(
        self,
        part: Objective,
        factor: float,
        kl: KlLossTerm | None,
        rows: NDArray[np.intp],
        number: int,
    ) -> dict[str, Tensor]:
        """Gradient step `number`, of the gradients of all microbatches; returns its figures.

        Each process has a part of the episodes; the coefficients are those of the whole batch, so
        gradients add up to those of one process.
        """
        size = self._training.microbatch or len(rows)
        self.descent.clear()
        if self._ranks.count == 1 and size >= len(rows):
            figures = self._accumulate(part, factor, kl, rows)
        else:
            found, mine = MicrobatchFigures(), self._ranks.part(len(rows))
            for micro, own in microbatches(part, rows, mine, size):
                found.add(self._accumulate(micro, factor, kl, own), micro)
            if self._policy.sharded and self._passes(len(rows), size) > -(-len(rows[mine]) // size):
                # A pass through a divided network takes all processes; this one has nothing left.
                self._accumulate(part.select(np.arange(1)), factor, kl, rows[:1], part_of_loss=0.0)
            sums = self.descent.sum_up(found.sums(self._policy.device.torch_device))
            figures = found.combined(sums, several=self._ranks.count > 1)
        figures["grad_norm"] = self.descent.step(figures.pop(LOSS), number)
        return figures

    def _passes(self, count: int, size: int) -> int:
        """Microbatches of `size` in the largest part of a minibatch of `count` episodes."""
        return math.ceil(math.ceil(count / self._ranks.count) / size)

    def _accumulate(
        self,
        part: Objective,
        factor: float,
        kl: KlLossTerm | None,
        rows: NDArray[np.intp],
        *,
        checked: bool = False,
        part_of_loss: float = 1.0,
    ) -> dict[str, Tensor]:
        """Forward and backward pass of some episodes, whose gradients are added; their figures.

        Args:
            checked: whether to wait for the loss and see whether it is finite.
            part_of_loss: 0: the gradients are zero.

        Raises:
            Diverged: it is not.
        """
        policy, term = self._policy, part.policy
        generated = part.episodes.responses.generated()
        wanted = np.zeros_like(generated)
        if term is not None:
            wanted = generated & term.coefficients.taking[:, None]
        asked = None
        if kl is not None and part.kl is not None:
            kl_weights = part.kl.scaled(factor)
            there = generated & part.kl.taking[:, None]
            asked = kl.exact(policy, there, kl_weights, rows)
            if kl.samples:
                wanted = wanted | there
        seen = policy.evaluate(
            policy.network,
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
            held = torch.where(uploaded(wanted, old.device), old, 0.0)
            drawn = None if self._likelihood else part.episodes.log_importance
            losses.append(self._policy_loss(term, seen, held, drawn, factor, figures))
        if kl is not None and part.kl is not None and part.kl_weights is not None:
            loss_kl, per_token = kl.loss(seen, part.episodes, part.kl.raw > 0, kl_weights)
            losses.append(loss_kl)
            figures["loss_kl"] = loss_kl.detach()
            with torch.no_grad():
                if part.kl.taking.any():
                    shares = part.kl_weights / part.kl_weights.sum()
                    figures["kl_estimate"] = (shares * per_token.sum(1)).sum()
        loss = sum(losses[1:], start=losses[0])
        if checked:
            _check(loss, seen, part.indices)
        figures[LOSS] = loss.detach()
        policy.backward(loss * (policy.device.loss_scale * part_of_loss))
        return figures

    def _policy_loss(
        self,
        term: PolicyTerm,
        seen: Evaluated,
        old: Tensor,
        log_importance: Tensor | None,
        factor: float,
        figures: dict[str, Tensor],
    ) -> Tensor:
        """The clipped objective with the critic's loss and the entropy; adds their figures.

        Args:
            log_importance: `Episodes.log_importance`; its truncated ratios go before the objective.
        """
        training = self._training
        weights = term.coefficients.scaled(factor)
        log_ratio = seen.log_probs - old
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - training.clip_ratio, 1 + training.clip_ratio)
        # Schulman et al. 2017, eq. 7.
        surrogate = torch.minimum(ratio * term.advantages, clipped * term.advantages)
        if log_importance is not None:
            surrogate = surrogate * truncated_importance(log_importance, self._importance_bound)
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
            if term.coefficients.taking.any():
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

    def _check_steps(
        self,
        objective: Objective,
        factor: float,
        kl: KlLossTerm | None,
        taken: Sequence[NDArray[np.intp]],
    ) -> None:
        """Looks whether all steps were finite, of which `taken` are the episodes.

        One that was not is gone through once more, by the weights that it was not applied to, to
        find what was not finite.

        Raises:
            Diverged: one was not.
        """
        number = int(self.descent.first_broken)
        if number < 0:
            return
        rows = taken[number]
        part = objective.select(rows)
        size = self._training.microbatch or -(-len(rows) // self._ranks.count)
        self.descent.clear()
        for micro, own in microbatches(part, rows, slice(0, len(rows)), size):
            self._accumulate(micro, factor, kl, own, checked=True)
        gradients = {n: p.grad for n, p in self._parameters.items() if p.grad is not None}
        bad = first_not_finite(gradients)
        raise _diverged(f"the gradient of {bad}" if bad else "the gradient's norm", part.indices)


def microbatches(
    part: Objective, rows: NDArray[np.intp], mine: slice, size: int
) -> Iterator[tuple[Objective, NDArray[np.intp]]]:
    """Those of the episodes `mine` of a minibatch, `size` at once, with their `rows`."""
    for start in range(mine.start, mine.stop, size):
        end = min(start + size, mine.stop)
        yield part.select(np.arange(start, end)), rows[start:end]


def _check(loss: Tensor, seen: Evaluated, indices: NDArray[np.intp]) -> None:
    if bool(torch.isfinite(loss)):
        return
    arrays = (("log-probabilities", seen.log_probs), ("values", seen.values), ("KL", seen.kl))
    for name, tensor in arrays:
        if tensor is not None and (bad := ~torch.isfinite(tensor).all(1).cpu().numpy()).any():
            raise _diverged(name, indices[bad])
    raise _diverged("the loss", indices)


def new_optimizer(
    policy: Policy, training: LoadTraining, named: Mapping[str, nn.Parameter]
) -> torch.optim.AdamW:
    """AdamW over the policy's trained parameters; the value head has a rate of its own."""
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


def _diverged(what: str, indices: NDArray[np.intp]) -> Diverged:
    episodes = sorted(indices.tolist())
    shown = ", ".join(str(episode) for episode in episodes[:8])
    return Diverged(
        f"{what} became NaN or infinite in the update, episodes {shown} of the rollout; start "
        "a new run with a lower training.learning_rate or a smaller reward scale",
        detail=f"episodes {episodes}",
    )
