"""The exact KL divergence between two language models at each position, over the vocabulary.

    KL(π‖π_ref) = Σ_v p_v (log p_v − log q_v),   ∂KL/∂z_j = p_j (log p_j − log q_j − KL)

Taken a few rows of logits at a time: no array of all logits is ever held, of either model, and none
is computed twice. That works because the gradient with respect to a row's logits is known as soon
as the row's weight in the loss is.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from averse_worker.models.kernels.log_probs import TokenRule, chunks

ReferenceLogits = Callable[[slice], Tensor]
"""Float32 logits of the reference at some of the rows, under the same rule"""


def weighted_kl(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    reference: ReferenceLogits,
    rule: TokenRule,
    early: Tensor | None,
    row_weights: Tensor,
) -> tuple[Tensor, Tensor]:
    """Σ_i w_i KL_i, with gradients, and KL [N] without; nats, float32.

    Args:
        hidden: [N, d] of the policy; weight: [V, d]; bias: [V] or None.
        early: [N], true where end-of-text is forbidden; None: nowhere.
        row_weights: [N].
    """
    result: tuple[Tensor, Tensor] = _WeightedKl.apply(  # type: ignore[no-untyped-call]
        hidden, weight, bias, reference, rule, early, row_weights
    )
    return result


def kl_of_logits(logits: Tensor, reference: Tensor) -> Tensor:
    """KL [N] of float32 logits [N, V], differentiable in the first; logits under a `TokenRule`."""
    own, other = logits.log_softmax(-1), reference.log_softmax(-1)
    return (own.exp() * (own - other)).sum(-1)


class _WeightedKl(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        reference: ReferenceLogits,
        rule: TokenRule,
        early: Tensor | None,
        row_weights: Tensor,
    ) -> tuple[Tensor, Tensor]:
        kind = hidden.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        of_hidden, of_weight, of_bias = ctx.needs_input_grad[:3]
        grad_hidden = torch.empty_like(hidden) if of_hidden else None
        grad_weight = torch.zeros_like(weight, dtype=torch.float32) if of_weight else None
        grad_bias = None
        if of_bias and bias is not None:
            grad_bias = torch.zeros_like(bias, dtype=torch.float32)
        divergences = hidden.new_empty(hidden.shape[0], dtype=torch.float32)
        # Weights of 1 at most until the backward pass: float16 has nothing below 6e-8.
        largest = row_weights.amax().clamp_min(torch.finfo(torch.float32).tiny)
        factors = row_weights / (largest * rule.temperature)
        for rows in chunks(hidden.shape[0], weight.shape[0], weight.device):
            part = hidden[rows]
            logits = nn.functional.linear(part, weight, bias).float()
            own = rule.apply(logits, None if early is None else early[rows]).log_softmax(-1)
            ratio = own - reference(rows).log_softmax(-1)
            powers = own.exp_()
            divergences[rows] = (powers * ratio).sum(-1)
            gradient = ratio.sub_(divergences[rows, None]).mul_(powers)
            gradient.mul_(factors[rows, None])
            if grad_bias is not None:
                grad_bias += gradient.sum(0)
            gradient = gradient.to(dtype)
            if grad_hidden is not None:
                grad_hidden[rows] = gradient @ weight.to(dtype)
            if grad_weight is not None:
                grad_weight += gradient.t() @ part.to(dtype)
        ctx.save_for_backward(grad_hidden, grad_weight, grad_bias, largest)
        ctx.dtypes = (weight.dtype, None if bias is None else bias.dtype)
        ctx.mark_non_differentiable(divergences)
        return (row_weights * divergences).sum(), divergences

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_total: Tensor, _: Tensor | None) -> Any:
        grad_hidden, grad_weight, grad_bias, largest = ctx.saved_tensors
        scale = grad_total * largest
        weight_dtype, bias_dtype = ctx.dtypes

        def scaled(grad: Tensor | None, dtype: torch.dtype | None) -> Tensor | None:
            return None if grad is None else (grad * scale).to(dtype)

        return (
            scaled(grad_hidden, None if grad_hidden is None else grad_hidden.dtype),
            scaled(grad_weight, weight_dtype),
            scaled(grad_bias, bias_dtype),
            *(None,) * 4,
        )
