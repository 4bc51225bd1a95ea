"""The exact KL, a few rows of logits at a time, against autograd on all of them."""

import pytest
import torch
from torch import Tensor

from averse_worker.models.kernels import log_probs as chunking
from averse_worker.models.kernels.kl import weighted_kl
from averse_worker.models.kernels.log_probs import TokenRule

ROWS, WIDTH, VOCABULARY = 9, 8, 12
RULE = TokenRule(temperature=0.7, forbidden=(1, 5), end_tokens=(2,))


class Case:
    def __init__(self, scale: float = 1.0) -> None:
        generator = torch.Generator().manual_seed(0)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        self.inputs = [normal(ROWS, WIDTH), normal(VOCABULARY, WIDTH), normal(VOCABULARY)]
        self.other = normal(ROWS, VOCABULARY)
        self.weights = scale * torch.rand(ROWS, generator=generator)
        self.early = torch.tensor([2, 1, 0, 0, 2, 1, 0, 0, 0])

    def reference(self, rows: slice) -> Tensor:
        return RULE.apply(self.other[rows].clone(), self.early[rows])

    def chunked(self) -> tuple[Tensor, Tensor, list[Tensor]]:
        inputs = [x.clone().requires_grad_() for x in self.inputs]
        total, each = weighted_kl(*inputs, self.reference, RULE, self.early, self.weights)
        return total, each, list(torch.autograd.grad(3 * total, inputs))

    def plain(self) -> tuple[Tensor, Tensor, list[Tensor]]:
        inputs = [x.double().requires_grad_() for x in self.inputs]
        hidden, weight, bias = inputs
        logits = RULE.apply((hidden @ weight.t() + bias).clone(), self.early)
        own = logits.log_softmax(-1)
        other = self.reference(slice(0, ROWS)).double().log_softmax(-1)
        each = (own.exp() * (own - other)).sum(-1)
        total = (self.weights * each).sum()
        return total, each, list(torch.autograd.grad(3 * total, inputs))


@pytest.mark.parametrize("rows_at_once", [1, 4, ROWS])
def test_value_and_gradients_are_those_of_all_logits_at_once(
    rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunking, "_CHUNK_LOGITS", rows_at_once * VOCABULARY)
    monkeypatch.setattr(chunking, "_CHUNK_ROWS_CPU", 1)
    case = Case()
    (total, each, grads), (plain, plain_each, plain_grads) = case.chunked(), case.plain()
    assert float(total) == pytest.approx(float(plain), rel=1e-5)
    torch.testing.assert_close(each.double(), plain_each.detach(), rtol=1e-4, atol=1e-5)
    assert not each.requires_grad
    for found, expected in zip(grads, plain_grads, strict=True):
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_loses_no_small_weights(dtype: torch.dtype) -> None:
    """A token's share of a large batch is far below what float16 can hold."""
    case = Case(scale=1e-9)
    _, _, expected = case.plain()
    with torch.autocast("cpu", dtype):
        _, _, grads = case.chunked()
    for found, wanted in zip(grads, expected, strict=True):
        error = float((found.double() - wanted).norm() / wanted.norm())
        assert error < (0.05 if dtype == torch.bfloat16 else 0.01)


def test_a_frozen_head_costs_no_gradient_of_its_own() -> None:
    """As with adapters: the hidden states alone have gradients."""
    case = Case()
    hidden, weight, bias = case.inputs
    hidden = hidden.clone().requires_grad_()
    total, _ = weighted_kl(hidden, weight, bias, case.reference, RULE, case.early, case.weights)
    (found,) = torch.autograd.grad(3 * total, hidden)
    torch.testing.assert_close(found.double(), case.plain()[2][0], rtol=1e-4, atol=1e-5)
