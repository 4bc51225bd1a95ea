"""EMA weights, an exponential moving average of the trained ones: less noisy than the last."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from averse_worker.models.actor_critic import VALUE_HEAD
from averse_worker.models.policy import Policy


class EmaWeights:
    """ē ← d·ē + (1 − d)·θ after every update, over the actor's trained parameters (float32)."""

    def __init__(self, policy: Policy, decay: float) -> None:
        """Begins at the present weights; `decay` in (0, 1)."""
        self._policy = policy
        self._decay = decay
        self.weights: dict[str, Tensor] = {}
        self.reset()

    def reset(self) -> None:
        """Restarts the average from the present weights."""
        self.weights = {
            name: parameter.detach().clone()
            for name, parameter in self._policy.parameters.items()
            if not name.startswith(VALUE_HEAD)
        }

    @torch.no_grad()
    def update(self) -> None:
        """Adds the present weights to the average."""
        parameters = self._policy.parameters
        for name, mean in self.weights.items():
            mean.lerp_(parameters[name], 1 - self._decay)

    @contextlib.contextmanager
    def in_place_of_weights(self) -> Iterator[None]:
        """Within the block the policy has the EMA weights; afterwards its own, bit for bit."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        parameters = self._policy.parameters
        for name, mean in self.weights.items():
            parameter = parameters[name]
            if self._policy.sharded:
                # These are rows of what FSDP2 holds, so they stay where they are.
                own = parameter.detach().clone()
                parameter.detach().copy_(mean)
                mean.copy_(own)
                continue
            # Pointers change hands, nothing is copied; the optimizer sees the same Parameter.
            self.weights[name], parameter.data = parameter.data, mean
