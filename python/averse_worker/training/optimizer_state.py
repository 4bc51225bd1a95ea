"""An optimizer's state as checkpoints keep it: by the names of the policy's parameters."""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.optim import Optimizer


def optimizer_state(
    optimizer: Optimizer, parameters: Mapping[str, nn.Parameter]
) -> dict[str, Tensor]:
    """`<parameter>|<field>` → tensor; empty before the first step."""
    return {
        f"{name}|{field}": tensor
        for name, parameter in parameters.items()
        for field, tensor in optimizer.state.get(parameter, {}).items()
    }


def put_optimizer_state(
    optimizer: Optimizer, parameters: Mapping[str, nn.Parameter], state: Mapping[str, Tensor]
) -> None:
    """Takes up what `optimizer_state` returned, on the parameters' device."""
    for key, tensor in state.items():
        name, field = key.split("|")
        optimizer.state[parameters[name]][field] = tensor
