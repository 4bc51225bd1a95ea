"""What is exported is what was trained and measured."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from averse_worker.models.language_model import LanguageModel
from averse_worker.models.policy import Policy
from averse_worker.store.export import export_policy
from averse_worker.training.sft import fine_tune
from payloads import adapter, sft_payload
from tiny_models import make_policy, no_report

SFT = sft_payload(seed=3, steps=6, batch=4, learning_rate=1e-2, max_tokens=16)
TEXTS = ["the film was very good", "a warm and great movie", "we loved the plot"] * 4


def exported(policy: Policy, folder: Path) -> dict[str, Tensor]:
    folder.mkdir()
    export_policy(policy, folder)
    tensors: dict[str, Tensor] = load_file(folder / "model.safetensors")
    return tensors


@pytest.fixture
def coarse_model(language_model: Path, tmp_path: Path) -> Path:
    """The tiny model in bfloat16, as large ones are published."""
    folder = tmp_path / "coarse"
    policy = make_policy(language_model)
    policy.actor.causal.to(torch.bfloat16).save_pretrained(folder)
    policy.tokenizer_as_loaded.save_pretrained(folder)
    return folder


def changes(policy: Policy) -> dict[str, Tensor]:
    """The adapters' part of each weight, (α / r) · B A; GPT-2 has its weights transposed."""
    trained = {name: p.detach().double() for name, p in policy.parameters.items()}
    return {
        name.replace(".lora_A.default", ""): (
            2 * trained[name.replace(".lora_A.", ".lora_B.")] @ trained[name]
        ).t()
        for name in trained
        if ".lora_A." in name
    }


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_adapters_are_added_in_float32(coarse_model: Path, tmp_path: Path, dtype: str) -> None:
    policy = make_policy(coarse_model, policy__adapter=adapter(4), backend__dtype=dtype)
    torch.manual_seed(1)
    with torch.no_grad():  # as small as a short training leaves them
        for name, parameter in policy.parameters.items():
            if "lora_B" in name:
                parameter.normal_(std=1e-3)
    base = load_file(coarse_model / "model.safetensors")
    there = exported(policy, tmp_path / "model")
    deltas = changes(policy)
    assert deltas
    for key, delta in deltas.items():
        name = next(k for k in base if key.endswith(k))
        assert there[name].dtype == torch.float32
        lost = there[name].double() - base[name].double() - delta
        assert lost.norm() < 1e-3 * delta.norm(), name


def test_an_export_leaves_the_policy_as_it_was(coarse_model: Path, tmp_path: Path) -> None:
    policy = make_policy(coarse_model, policy__adapter=adapter(4), backend__dtype="bfloat16")
    before = {n: p.clone() for n, p in policy.actor.causal.named_parameters()}
    exported(policy, tmp_path / "model")
    after = dict(policy.actor.causal.named_parameters())
    assert after.keys() == before.keys()
    assert all(after[n].dtype == p.dtype and after[n].equal(p) for n, p in before.items())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_fine_tuning_changes_adapters_alone_and_the_reference_has_them(
    coarse_model: Path, tmp_path: Path, dtype: str
) -> None:
    policy = make_policy(coarse_model, policy__adapter=adapter(4), backend__dtype=dtype)
    named = policy.actor.causal.named_parameters()
    base = {n: p.clone() for n, p in named if not p.requires_grad}
    fine_tune(policy, TEXTS, SFT, no_report)
    policy.become_reference()
    after = dict(policy.actor.causal.named_parameters())
    assert all(after[name].equal(p) for name, p in base.items()), "the base was changed"
    tokens = torch.tensor([[0, 40, 41, 42]])

    def seen(model: LanguageModel) -> Tensor:
        # A block each: autocast keeps the weights that it has cast.
        with torch.no_grad(), policy.device.autocast():
            return model.hidden(tokens, torch.arange(4)[None], None, keep=4)

    def of_reference() -> Tensor:
        with policy.reference() as reference:
            return seen(reference.language_model)

    tuned = seen(policy.actor)
    assert of_reference().equal(tuned)
    with torch.no_grad():
        for name, parameter in policy.parameters.items():
            if "lora_B" in name:
                parameter.add_(0.1)
    assert of_reference().equal(tuned)
    assert not seen(policy.actor).equal(tuned)
    assert not any(".reference." in name for name in policy.parameters)
    exported(policy, tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    with torch.no_grad():
        whole = model(tokens).logits
        own = policy.actor.causal.float()(tokens).logits
    torch.testing.assert_close(whole, own, atol=1e-3, rtol=1e-3)
