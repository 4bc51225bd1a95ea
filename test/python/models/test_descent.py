"""Steps of an update, whoever takes them: `test_ppo.py` has those of whole policies."""

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from averse_worker.models.descent import Descent
from averse_worker.models.zero import Passes
from averse_worker.platform.device import Device
from averse_worker.platform.ranks import ALONE

CPU = Device(torch.device("cpu"), torch.float32)


def adamw(named: Mapping[str, nn.Parameter]) -> torch.optim.AdamW:
    return torch.optim.AdamW([{"params": [p]} for p in named.values()], fused=True)


def test_a_group_without_a_rate_keeps_weights_moments_and_count_of_steps() -> None:
    """Its gradients are zeros, which DeepSpeed puts in place of missing ones."""
    actor, head = (nn.Parameter(torch.ones(3)) for _ in range(2))
    descent = Descent({"actor": actor, "head": head}, adamw, 1.0, CPU, ALONE)

    def update(rates: tuple[float | None, ...], gradient: float) -> dict[str, torch.Tensor]:
        descent.begin(rates)
        descent.clear()
        actor.grad, head.grad = torch.ones(3), torch.full((3,), gradient)
        descent.step(torch.zeros(()), 0)
        weights = {"actor": actor.detach(), "head": head.detach()}
        return {name: tensor.clone() for name, tensor in (weights | descent.state()).items()}

    before = update((0.1, 0.1), 1.0)
    after = update((0.1, None), 0.0)
    changed = {name for name in before if not before[name].equal(after[name])}
    assert changed == {"actor", "actor|step", "actor|exp_avg", "actor|exp_avg_sq"}
    again = update((0.1, 0.1), 1.0)
    assert float(again["head|step"]) == 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_deepspeed_s_passes_are_in_the_device_s_format(dtype: torch.dtype) -> None:
    passes = Passes(nn.Linear(2, 2), Device(torch.device("cpu"), dtype))
    with torch.autocast("cpu", enabled=False):
        assert passes(torch.ones(1, 2)).dtype == dtype
