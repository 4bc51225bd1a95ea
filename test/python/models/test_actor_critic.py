"""One module for actor and critic: a wrapper must see all that an update differentiates."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from averse_worker.models.actor_critic import places_of
from averse_worker.models.batches import Layout, PaddedPrompts, Responses
from averse_worker.models.kernels import log_probs as kernel
from averse_worker.models.language_model import LanguageModel
from averse_worker.models.policy import Policy
from tiny_models import make_policy

PROMPTS = [[0, 40, 50, 60], [0, 40], [0, 90, 91]]
RESPONSES = [[33, 34, 35], [50, 0], [7, 8, 9]]


@pytest.fixture
def policy(language_model: Path) -> Policy:
    policy = make_policy(language_model)
    torch.manual_seed(0)
    assert policy.model.value_head is not None
    nn.init.normal_(policy.model.value_head.weight)
    return policy


@pytest.fixture
def one_process() -> Iterator[None]:
    """A process group of this process alone."""
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


def batch(policy: Policy) -> tuple[PaddedPrompts, Responses]:
    device = policy.device.torch_device
    prompts = PaddedPrompts.of(PROMPTS, policy.pad_token, device)
    width = max(map(len, RESPONSES))
    padded = [row + [policy.pad_token] * (width - len(row)) for row in RESPONSES]
    return prompts, Responses(torch.tensor(padded), torch.tensor([len(r) for r in RESPONSES]))


def loss_of(module: nn.Module, policy: Policy) -> Tensor:
    prompts, responses = batch(policy)
    layout = Layout.of(prompts, responses)
    places = places_of(responses.generated(), policy.device.torch_device)
    seen = module(layout, responses.tokens, places, None, values=True)
    log_probs, entropies, values = seen[:3]
    return log_probs.sum() + 0.3 * entropies.sum() + 0.7 * values.square().sum()


def gradients(policy: Policy) -> dict[str, Tensor]:
    found = {}
    for name, parameter in policy.parameters.items():
        assert parameter.grad is not None, f"{name} has no gradient"
        grad = parameter.grad
        found[name] = grad.full_tensor() if hasattr(grad, "full_tensor") else grad.clone()
    return found


WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "ddp": DistributedDataParallel,
    "fsdp2": lambda module: fully_shard(
        module, mesh=torch.distributed.init_device_mesh("cpu", (1,))
    ),
    # The graph alone: what a compiler would make of it is the compiler's business.
    "compile": lambda module: torch.compile(module, backend="eager"),
}


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS.keys())
def test_a_wrapper_changes_neither_loss_nor_gradients(
    wrap: Callable[[nn.Module], nn.Module], policy: Policy
) -> None:
    plain = loss_of(policy.model, policy)
    plain.backward()
    expected = gradients(policy)
    policy.model.zero_grad(set_to_none=True)
    wrapped = loss_of(wrap(policy.model), policy)
    wrapped.backward()
    assert wrapped.detach().equal(plain.detach())
    assert all(gradient.equal(expected[n]) for n, gradient in gradients(policy).items())


def test_a_model_without_a_critic_answers_no_values(language_model: Path) -> None:
    policy = make_policy(language_model)
    with policy.reference() as reference:
        assert reference.value_head is None
        assert reference.trained() == {}
        seen = policy.evaluate(reference, *batch(policy), 0)
        own = policy.evaluate(policy.model, *batch(policy), 0)
    assert seen.values is None
    assert seen.log_probs.equal(own.log_probs)


def test_without_gradients_no_array_of_all_logits_is_made(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bits, a chunk at a time; the largest array made is one chunk's."""
    vocabulary = 324
    with torch.no_grad():
        whole = policy.evaluate(policy.model, *batch(policy), 0)
    with_gradients = policy.evaluate(policy.model, *batch(policy), 0)
    assert whole.log_probs.equal(with_gradients.log_probs.detach())
    monkeypatch.setattr(kernel, "_CHUNK_LOGITS", 2 * vocabulary)
    monkeypatch.setattr(kernel, "_CHUNK_ROWS_CPU", 1)
    rows: list[int] = []
    apply = kernel.TokenRule.apply

    def watched(self: kernel.TokenRule, logits: Tensor, early: Tensor | None) -> Tensor:
        rows.append(logits.shape[0])
        return apply(self, logits, early)

    monkeypatch.setattr(kernel.TokenRule, "apply", watched)
    sizes: list[int] = []
    exp = torch.exp

    def measured(x: Tensor, *, out: Tensor | None = None) -> Tensor:
        sizes.append(x.numel() if out is None else out.untyped_storage().nbytes() // 4)
        return exp(x, out=out)

    monkeypatch.setattr(torch, "exp", measured)
    with torch.no_grad():
        chunked = policy.evaluate(policy.model, *batch(policy), 0)
    assert rows == [2, 2, 2, 2]
    assert sizes == [2 * vocabulary] * 4
    torch.testing.assert_close(chunked.log_probs, whole.log_probs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(chunked.entropies, whole.entropies, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("queued", [False, True])
def test_equal_prompts_are_read_once_with_the_same_result(
    language_model: Path, queued: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log-probabilities, values and gradients of a group, with padded prompts and responses."""
    policy = make_policy(language_model)
    policy.device = replace(policy.device, queued=queued)
    device = policy.device.torch_device
    prompts = PaddedPrompts.of(
        [PROMPTS[0], PROMPTS[1], PROMPTS[0], PROMPTS[1], PROMPTS[0], PROMPTS[1]],
        policy.pad_token,
        device,
    )
    lengths = torch.tensor([3, 1, 2, 3, 3, 2])
    drawn = torch.arange(5, 23).reshape(6, 3)
    responses = Responses(drawn * (torch.arange(3) < lengths[:, None]), lengths)
    found: list[tuple[Tensor, dict[str, Tensor]]] = []
    for shares in (True, False):
        monkeypatch.setattr(LanguageModel, "shares", shares)
        layout = policy.layout(policy.model, prompts, responses)
        assert (layout.prefix is not None) == shares
        if layout.prefix is not None:
            assert layout.prefix.tokens.shape[0] == 2
        seen = policy.evaluate(policy.model, prompts, responses, 0, values=True)
        assert seen.values is not None
        policy.backward((seen.log_probs * (1 + drawn)).sum() + seen.values.square().sum())
        found.append((seen.log_probs.detach(), gradients(policy)))
        policy.model.zero_grad(set_to_none=True)
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-5)
    for name, expected in found[1][1].items():
        torch.testing.assert_close(found[0][1][name], expected, rtol=1e-3, atol=1e-4)
