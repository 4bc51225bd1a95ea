"""Options that save memory: microbatches, gradient checkpointing, frozen weights in bfloat16,
quantized weights. The first two leave gradients as they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.engine.torch.learner import PpoLearner
from averse_worker.models.folder import ModelFolder
from averse_worker.models.load import check_quantization
from averse_worker.platform.device import open_device
from averse_worker.rewards.classifier import TransformersReward, load_reward
from averse_worker.training.sft import fine_tune
from averse_worker.wire.errors import InputError, MissingEnvironment
from averse_worker.wire.limits import check_load
from averse_worker.wire.messages.base import float32_array
from payloads import (
    adapter,
    data_source,
    load_payload,
    rollout_payload,
    sft_payload,
    update_payload,
)
from tiny_models import WORDS, make_policy, no_report, write_classifier, write_data, write_policy

TEXTS = [" ".join(WORDS[i : i + 4]) for i in range(12)]


class Updated:
    """An engine after one update."""

    def __init__(self, folder: Path, data: Path, update: dict[str, Any], **changes: Any) -> None:
        engine = TorchEngine()
        settings = {"training__minibatch": 8, "training__epochs": 1, "training__learning_rate": 0.0}
        engine.load(
            load_payload(
                policy__model=str(folder),
                data__source=data_source(str(data)),
                **{**settings, **changes},
            ),
            no_report,
        )
        assert engine._loaded is not None
        self.policy = engine._loaded.training.policy
        self.rolled = engine.rollout(rollout_payload(range(8)), no_report)
        self.gradients: dict[str, torch.Tensor] = {}
        parameters = self.policy.parameters
        learner = engine._loaded.training.learner
        assert isinstance(learner, PpoLearner)
        real = learner.ppo.descent.optimizer.step

        def step(*arguments: Any, **named: Any) -> Any:
            for name, parameter in parameters.items():
                if parameter.grad is not None:
                    self.gradients[name] = parameter.grad.double().clone()
            return real(*arguments, **named)

        learner.ppo.descent.optimizer.step = step  # type: ignore[method-assign]
        weights = np.array([1, 0.5, 0, 2, 1, 0, 1, 3])
        payload = update_payload(1, weights, **update)
        self.figures = engine.update(payload, no_report).figures


KL: dict[str, Any] = {"kl_weights": [0, 1, 2, 1, 0, 1, 1, 1]}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("update", [{}, KL, {**KL, "kl_form": "k3"}], ids=["plain", "exact", "k3"])
def test_microbatches_have_the_gradient_of_the_minibatch(
    language_model: Path, data: Path, update: dict[str, Any], rank: int
) -> None:
    changes: dict[str, Any] = {
        "policy__adapter": adapter(rank),
        "training__entropy_coefficient": 0.01,
        "training__max_grad_norm": 1e9,
    }
    whole = Updated(language_model, data, update, **changes)
    parts = Updated(language_model, data, update, training__microbatch=3, **changes)
    assert whole.gradients
    for name, gradient in whole.gradients.items():
        torch.testing.assert_close(parts.gradients[name], gradient, atol=1e-6, rtol=1e-4)
    assert parts.figures == pytest.approx(whole.figures, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("family", ["gpt2", "llama", "opt"])
def test_checkpointing_changes_no_gradient(tmp_path: Path, data: Path, family: str) -> None:
    folder = write_policy(tmp_path, family)
    found = []
    for wanted in (False, True):
        done = Updated(folder, data, KL, policy__gradient_checkpointing=wanted)
        found.append(done.gradients)
        blocks = [m for m in done.policy.actor.causal.modules() if "forward" in vars(m)]
        assert blocks == [], "a block kept its wrapper"
    plain, checkpointed = found
    assert all(plain[name].equal(checkpointed[name]) for name in plain)


def test_checkpointing_holds_in_fine_tuning_with_dropout(language_model: Path) -> None:
    losses = [
        fine_tune(
            make_policy(language_model, policy__gradient_checkpointing=wanted),
            TEXTS,
            sft_payload(steps=4, learning_rate=1e-2),
            no_report,
        ).curve
        for wanted in (False, True)
    ]
    assert losses[0] == losses[1]


def test_checkpointing_computes_blocks_again(language_model: Path) -> None:
    policy = make_policy(language_model, policy__gradient_checkpointing=True)
    block = policy.actor.causal.transformer.h[0]
    calls = []
    block.mlp.register_forward_pre_hook(lambda *_: calls.append(1))
    with policy.checkpointed():
        tokens = torch.tensor([[2, 3, 4]])
        policy.actor.causal(input_ids=tokens, use_cache=False).logits.sum().backward()
    assert len(calls) == 2


def test_a_frozen_reference_in_bfloat16_is_rounded_and_near(language_model: Path) -> None:
    exact = make_policy(language_model)
    rounded = make_policy(language_model, backend__frozen_dtype="bfloat16")
    reference = rounded.reference_model
    assert reference is not None
    assert reference.dtype == torch.bfloat16
    assert rounded.actor.causal.dtype == torch.float32
    assert exact.starts_as_reference
    assert not rounded.starts_as_reference
    own, other = rounded.actor.causal, reference
    for name, parameter in own.named_parameters():
        assert dict(other.named_parameters())[name].equal(parameter.bfloat16())


@pytest.mark.parametrize("update", [{}, KL], ids=["plain", "exact"])
def test_updates_work_against_a_bfloat16_reference(
    language_model: Path, data: Path, update: dict[str, Any]
) -> None:
    done = Updated(language_model, data, update, backend__frozen_dtype="bfloat16")
    kl = float32_array(done.rolled.kl)
    assert np.abs(kl).max() < 1.0
    assert kl.any(), "the reference was not the rounded one"
    assert all(torch.isfinite(g).all() for g in done.gradients.values())


def test_a_frozen_reward_in_bfloat16_scores_nearly_the_same(tmp_path: Path) -> None:
    folder = ModelFolder(write_classifier(tmp_path, "bert"), "reward.model")
    scores = []
    for dtype in (None, "bfloat16"):
        device = open_device(load_payload(backend__frozen_dtype=dtype).backend)
        model = load_reward(folder, [], 1, device)
        assert isinstance(model, TransformersReward)
        scores.append(model.score(TEXTS))
    assert not np.array_equal(*scores)
    np.testing.assert_allclose(*scores, atol=0.05, rtol=0.05)


def test_quantized_weights_are_refused_without_an_adapter() -> None:
    with pytest.raises(InputError, match="without an adapter") as caught:
        check_load(load_payload(policy__quantize="4bit"))
    assert caught.value.key == "policy.quantize"


def test_quantized_weights_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    """Of a folder that does not exist: the refusal comes first."""
    payload = load_payload(
        policy__model=str(tmp_path / "nowhere"), policy__quantize="4bit", policy__adapter=adapter(2)
    )
    with pytest.raises(MissingEnvironment, match="needs bitsandbytes and a CUDA GPU") as caught:
        TorchEngine().load(payload, no_report)
    assert caught.value.key == "policy.quantize"
    check_quantization(load_payload(), open_device(load_payload().backend))
