"""Cross-entropy through a tied language-model head, without ever holding all logits.

Loss and gradients are formed chunk by chunk in the forward pass. Big logit tensors would go to
the operating system and back at every step: on a CPU that costs more than the arithmetic.
"""

from typing import Any

import torch
from torch import Tensor

CHUNK = 512


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        count = targets.numel()
        head = weight.to(torch.bfloat16)
        hidden_gradient = torch.empty_like(hidden)
        weight_gradient = torch.zeros_like(weight)
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, count, CHUNK):
            states = hidden[start : start + CHUNK].to(torch.bfloat16)
            wanted = targets[start : start + CHUNK, None]
            logs = torch.log_softmax(torch.mm(states, head.t()).float(), dim=-1)
            total -= logs.gather(1, wanted).sum()
            slope = logs.exp_()
            slope.scatter_add_(1, wanted, slope.new_full(wanted.shape, -1.0))
            rounded = slope.to(torch.bfloat16)
            hidden_gradient[start : start + CHUNK] = torch.mm(rounded, head).to(hidden.dtype)
            weight_gradient += torch.mm(rounded.t(), states)
        ctx.save_for_backward(hidden_gradient.div_(count), weight_gradient.div_(count))
        return total / count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        hidden_gradient, weight_gradient = ctx.saved_tensors
        return hidden_gradient * gradients[0], weight_gradient * gradients[0], None


def head_loss(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Mean negative log-likelihood of `targets` [N] in nats, from hidden states [N, d]."""
    loss: Tensor = _HeadLoss.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return loss
