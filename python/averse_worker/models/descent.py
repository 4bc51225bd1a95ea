"""How gradients become a step, and what of that is kept: one interface for every division of work.

Descent          torch's optimizer over whole parameters
ShardedDescent   over this process's rows of them, as FSDP2 divides them
ZeroDescent      DeepSpeed's, in `zero.py`
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from averse_worker.platform.device import Device
from averse_worker.platform.ranks import Ranks

MakeOptimizer = Callable[[Mapping[str, nn.Parameter]], torch.optim.Optimizer]
"""from what is trained, by name"""

# As in torch.nn.utils.clip_grads_with_norm_.
_CLIP_EPSILON: Final = 1e-6

_RESTS: Final = "rests"
"""key of an optimizer's group"""


class Descent:
    """The optimizer of a policy, whose steps are clipped."""

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        make: MakeOptimizer,
        most: float,
        device: Device,
        ranks: Ranks,
    ) -> None:
        """Begins with fresh moments.

        Args:
            most: norm that gradients are clipped to.
            ranks: those whose gradients make up a step.
        """
        self.optimizer = make(parameters)
        # Where it is called inside of others' steps, gradients are at hand nowhere else.
        self.optimizer.register_step_pre_hook(_let_rest)
        self._parameters = parameters
        self._most = most
        self._device = device
        self._ranks = ranks
        self.begin(())

    def begin(self, rates: Sequence[float | None]) -> None:
        """Begins an update with the rates of the optimizer's groups. One without a rate rests: its
        weights, moments and count of steps stay as they are."""
        device = self._device.torch_device
        self.first_broken = torch.full((), -1.0, device=device)
        """number of the first step that was not finite, which like all after it is not applied;
        -1: there was none"""
        self._broken = torch.zeros((), device=device)
        # There is a rate for the value head, but maybe no value head.
        for group, rate in zip(self.optimizer.param_groups, rates, strict=False):
            group[_RESTS] = rate is None
            if rate is not None:
                group["lr"] = rate

    def clear(self) -> None:
        """Forgets the gradients."""
        self.optimizer.zero_grad(set_to_none=True)

    def sum_up(self, figures: Tensor) -> Tensor:
        """Makes the gradients those of all processes; returns the sum of their `figures`."""
        return self._ranks.sum_step(self._parameters, figures)

    def step(self, loss: Tensor, number: int) -> Tensor:
        """Descends, unless this step or one before it is not finite.

        Args:
            number: of the step in its update.

        Returns:
            The gradient's norm before clipping.
        """
        factor = self._device.loss_scale
        gradients = [p.grad for p in self._parameters.values() if p.grad is not None]
        if factor != 1.0:
            torch._foreach_div_(gradients, factor)
        norm = self._norm(gradients)
        self._note(norm, loss, number)
        queued, most = self._device.queued, self._most
        # Only a fused optimizer skips a step by itself.
        skips = queued and self.optimizer.defaults["fused"]
        if not skips and bool(self._broken):
            return norm
        # Mostly there is nothing to clip, and where a look costs nothing a pass over all gradients
        # is saved.
        if queued or float(norm) > most:
            clip = torch.where(norm > most, most / (norm + _CLIP_EPSILON), 1.0)
            torch._foreach_mul_(gradients, clip)
        if skips:
            self.optimizer.found_inf = self._broken  # type: ignore[attr-defined]
        self.optimizer.step()
        return norm

    def state(self) -> dict[str, Tensor]:
        """As `optimizer_state`."""
        return optimizer_state(self.optimizer, self._parameters)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes up what `state` returned, on the parameters' device and with fresh moments."""
        put_optimizer_state(self.optimizer, self._parameters, state)

    def _norm(self, gradients: Iterable[Tensor]) -> Tensor:
        return nn.utils.get_total_norm(gradients)

    def _note(self, norm: Tensor, loss: Tensor, number: int) -> None:
        finite = torch.isfinite(norm) & torch.isfinite(loss)
        self.first_broken = torch.where(
            finite | (self._broken > 0), self.first_broken, float(number)
        )
        self._broken = torch.where(finite, self._broken, 1.0)


class ShardedDescent(Descent):
    """Of this process's rows; their gradients are those of all processes."""

    def sum_up(self, figures: Tensor) -> Tensor:
        return self._ranks.total(figures)

    def _norm(self, gradients: Iterable[Tensor]) -> Tensor:
        return self._ranks.total(super()._norm(gradients).square()).sqrt()


def optimizer_state(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]
) -> dict[str, Tensor]:
    """As checkpoints keep it, `<parameter>|<field>` → tensor; nothing of a parameter before its
    first step."""
    return {
        f"{name}|{field}": tensor
        for name, parameter in parameters.items()
        for field, tensor in optimizer.state.get(parameter, {}).items()
    }


def put_optimizer_state(
    optimizer: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
    state: Mapping[str, Tensor],
) -> None:
    """Takes up what `optimizer_state` returned, on the parameters' device."""
    for key, tensor in state.items():
        name, field = key.split("|")
        optimizer.state[parameters[name]][field] = tensor


def _let_rest(optimizer: torch.optim.Optimizer, *_: Any) -> None:
    """A parameter without a gradient takes no part in a step; DeepSpeed fills in zeros."""
    for group in optimizer.param_groups:
        if group.get(_RESTS):
            for parameter in group["params"]:
                parameter.grad = None
