"""The torch engine's own promises, beyond the contract of every engine."""

import weakref
from pathlib import Path
from typing import Any

import pytest

from averse_worker.engine.torch import loaded, loading
from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import RestorePayload, SavePayload
from payloads import load_payload, rollout_payload, sft_payload
from tiny_models import no_report

SFT = sft_payload(seed=1, steps=1, batch=4, learning_rate=1e-3, max_tokens=16)


@pytest.fixture
def former(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[Any]]:
    """Policies that have been loaded; a new one is loaded only once none of them is left."""
    policies: list[weakref.ref[Any]] = []
    load_policy = loading.load_policy

    def watched(*arguments: Any) -> Any:
        assert [ref for ref in policies if ref() is not None] == [], "two sets of models at once"
        policy = load_policy(*arguments)
        policies.append(weakref.ref(policy.actor.causal))
        return policy

    for module in (loaded, loading):
        monkeypatch.setattr(module, "load_policy", watched)
    return policies


def test_a_second_load_lets_go_of_the_first_before(
    torch_load: LoadPayload, former: list[weakref.ref[Any]]
) -> None:
    engine = TorchEngine()
    engine.load(torch_load, no_report)
    engine.rollout(rollout_payload([0, 1]), no_report)
    engine.load(torch_load, no_report)
    assert len(former) == 2


def test_taking_up_an_earlier_checkpoint_lets_go_of_the_tuned_model_before(
    torch_load: LoadPayload, former: list[weakref.ref[Any]], tmp_path: Path
) -> None:
    engine = TorchEngine()
    engine.load(torch_load, no_report)
    engine.save(SavePayload(path=str(tmp_path)), no_report)
    engine.sft(SFT, no_report)
    engine.rollout(rollout_payload([0, 1]), no_report)
    engine.restore(RestorePayload(path=str(tmp_path)), no_report)
    assert len(former) == 2


def test_a_load_that_fails_leaves_nothing_loaded(torch_load: LoadPayload) -> None:
    """What is wrong with the numbers alone is told before anything is let go."""
    engine = TorchEngine()
    engine.load(torch_load, no_report)
    with pytest.raises(InputError, match=r"training\.epochs"):
        engine.load(load_payload(torch_load, training__epochs=0), no_report)
    engine.rollout(rollout_payload([0, 1]), no_report)
    with pytest.raises(InputError, match="no such folder"):
        engine.load(load_payload(torch_load, policy__model="/no/such/folder"), no_report)
    with pytest.raises(Exception, match="`rollout` arrived before `load`"):
        engine.rollout(rollout_payload([0, 1]), no_report)
