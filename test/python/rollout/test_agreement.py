"""A model that is sampled differently from how it is trained is refused before training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.models.batches import PaddedPrompts
from averse_worker.models.language_model import LanguageModel
from averse_worker.models.policy import Policy
from averse_worker.rollout.agreement import FLOAT32_BOUND, HALF_BOUND, check_agreement
from averse_worker.rollout.generate import Sampler, sample, uniforms
from averse_worker.rollout.reference import own_log_probs
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.load import LoadPayload
from payloads import adapter, evaluate_payload, load_payload, rollout_payload, update_payload
from tiny_models import make_policy, no_report, write_language_model

LENGTHS = torch.tensor([4, 2, 4])


@pytest.fixture(scope="module")
def policy(language_model: Path) -> Policy:
    return make_policy(language_model)


def ratios(worst: float) -> torch.Tensor:
    """[3, 4] in which the second episode, of two tokens, has this KL."""
    found = torch.zeros(3, 4)
    found[1, :2] = torch.tensor([worst * 1.5, -worst * 0.5])
    return found


@given(st.floats(-1, 1))
def test_in_float32_no_episode_may_differ(policy: Policy, worst: float) -> None:
    kl = float(ratios(worst).sum(1).abs().max())
    if kl <= FLOAT32_BOUND:
        check_agreement(policy, ratios(worst), LENGTHS)
        return
    told = r"KL is .* nats per episode.* disagree for this model \(GPT2LMHeadModel\)"
    with pytest.raises(InputError, match=told) as caught:
        check_agreement(policy, ratios(worst), LENGTHS)
    assert caught.value.key == "policy.model"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_may_round(language_model: Path, dtype: str) -> None:
    policy = make_policy(language_model, backend__dtype=dtype)
    # Of the three episodes one is off, by two tokens: a sixth of it is the mean per token.
    check_agreement(policy, ratios(5.9 * HALF_BOUND), LENGTHS)
    with pytest.raises(InputError, match=r"nats per token, expected at most 0\.01"):
        check_agreement(policy, ratios(6.1 * HALF_BOUND), LENGTHS)


def engine(load: LoadPayload) -> TorchEngine:
    made = TorchEngine()
    made.load(load, no_report)
    return made


@pytest.fixture
def sharper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model is sampled a little more sharply than it is trained."""
    logits = LanguageModel.logits

    def sharpened(self: LanguageModel, hidden: Any, rule: Any, early: Any) -> Any:
        return logits(self, hidden, replace(rule, temperature=0.99 * rule.temperature), early)

    monkeypatch.setattr(LanguageModel, "logits", sharpened)


@pytest.mark.usefixtures("sharper")
def test_the_first_rollout_and_evaluation_tell(torch_load: LoadPayload) -> None:
    made = engine(torch_load)
    with pytest.raises(InputError, match="forward pass disagree"):
        made.rollout(rollout_payload(np.arange(4)), no_report)
    with pytest.raises(InputError, match="forward pass disagree"):
        made.evaluate(evaluate_payload(np.arange(4)), no_report)


def test_a_trained_policy_may_differ_from_its_reference(
    torch_load: LoadPayload,
) -> None:
    made = engine(torch_load)
    for seed in (1, 2):
        rollout = made.rollout(rollout_payload(np.arange(4), seed=seed), no_report)
        made.update(update_payload(rollout.rollout, [1, 1, 1, 1]), no_report)
    kl = np.frombuffer(made.evaluate(evaluate_payload(np.arange(4)), no_report).kl, np.float32)
    assert np.abs(kl).max() > FLOAT32_BOUND


def test_another_reference_may_differ_from_the_start(
    torch_load: LoadPayload, tmp_path: Path
) -> None:
    other = write_language_model(tmp_path / "other", seed=5)
    named = {"model": str(other), "revision": None, "trust_remote_code": False}
    made = engine(load_payload(torch_load, reference=named))
    kl = made.rollout(rollout_payload(np.arange(4)), no_report).kl
    assert np.abs(np.frombuffer(kl, np.float32)).max() > FLOAT32_BOUND


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_in_half_precision_the_kl_begins_at_zero(
    torch_load: LoadPayload, dtype: str, rank: int
) -> None:
    """Old log-probabilities come from the pass that the update makes, not from the sampler."""
    load = load_payload(torch_load, backend__dtype=dtype, policy__adapter=adapter(rank))
    made = engine(load)
    kl = made.rollout(rollout_payload(np.arange(24)), no_report).kl
    assert not np.frombuffer(kl, np.float32).any()
    kl = made.evaluate(evaluate_payload(np.arange(16)), no_report).kl
    assert not np.frombuffer(kl, np.float32).any()
    # The sampler itself rounds otherwise, so that the zero means something.
    assert made._loaded is not None
    policy, prompts = made._loaded.training.policy, made._loaded.prompts["train"].prompts
    padded = PaddedPrompts.of(prompts.tokens, policy.pad_token, policy.device.torch_device)
    drawn = sample(policy, padded, uniforms(1, 48, 6), Sampler(6), lambda done, total: None)
    found = own_log_probs(policy, padded, drawn, Sampler(6), no_report)
    if dtype == "bfloat16":
        assert not found.equal(drawn.log_probs)


def test_in_float32_no_pass_is_made_for_them(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    padded = PaddedPrompts.of([[0, 40]], policy.pad_token, policy.device.torch_device)
    drawn = sample(policy, padded, uniforms(1, 1, 4), Sampler(4), lambda done, total: None)
    monkeypatch.setattr(Policy, "evaluate", None)
    assert own_log_probs(policy, padded, drawn, Sampler(4), no_report) is drawn.log_probs
