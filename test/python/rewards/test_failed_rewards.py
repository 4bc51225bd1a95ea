"""Rewards that fail, as every engine tells of them; what fails is `test_scoring.py`'s business."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from averse_worker.engine.contract import Engine
from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.rewards.contract import Failed
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.base import ScoreFailure, float32_array, uint32_array
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import RolloutResult
from payloads import (
    evaluate_payload,
    load_payload,
    rollout_payload,
    score_payload,
    update_payload,
)

EPISODES = 8
LOST = [2, 5]
LEFT = [0, 1, 3, 4, 6, 7]


def quiet(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


class Subject:
    """A loaded engine whose reward fails in episodes 2 and 5 of batches of eight."""

    def __init__(self, engine: Engine, load: LoadPayload) -> None:
        self.engine = engine
        loaded = engine.load(load, quiet)
        self.train = uint32_array(loaded.train.ids)[:EPISODES]
        self.test = uint32_array(loaded.test.ids)[:EPISODES]

    def rollout(self) -> RolloutResult:
        return self.engine.rollout(rollout_payload(self.train), quiet)


@pytest.fixture(params=["fake", "torch"])
def subject(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Subject:
    if request.param == "fake":
        ids = [2, 5, 402, 405]
        failing = {id: Failed("timeout", "too late") for id in ids}
        return Subject(FakeEngine(failing), load_payload())
    from averse_worker.engine.torch.engine import TorchEngine
    from tiny_models import LetterReward

    class Broken(LetterReward):
        def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
            scores = super().score(texts)
            if len(texts) == EPISODES:
                scores[LOST] = [np.nan, np.inf]
            return scores

    monkeypatch.setattr("averse_worker.rewards.load.load_reward", lambda *_: Broken())
    return Subject(TorchEngine(), request.getfixturevalue("torch_load"))


def lost(failures: list[ScoreFailure]) -> list[int]:
    return sorted(e for failure in failures for e in uint32_array(failure.episodes).tolist())


def test_a_rollout_has_no_number_where_the_reward_failed(subject: Subject) -> None:
    rollout = subject.rollout()
    assert lost(rollout.components[0].failures) == LOST
    assert rollout.lambda_return is not None
    scores = rollout.components[0].scores
    [trained] = rollout.trained
    for values in (scores, trained, rollout.reward, rollout.return_, rollout.lambda_return):
        assert np.flatnonzero(np.isnan(float32_array(values))).tolist() == LOST
        assert np.isfinite(float32_array(values)[LEFT]).all()
    assert np.isfinite(float32_array(rollout.kl)).all()
    assert (uint32_array(rollout.length) > 0).all()


def test_it_cannot_be_learned_from(subject: Subject) -> None:
    rollout = subject.rollout()
    weights = np.ones(EPISODES)
    weights[2] = 0
    with pytest.raises(InputError, match=r"weight 5 .* failed; send 0"):
        subject.engine.update(update_payload(rollout.rollout, weights), quiet)
    weights[5] = 0
    updated = subject.engine.update(update_payload(rollout.rollout, weights), quiet)
    assert updated.episodes == len(LEFT)
    assert np.isfinite(updated.figures["loss_value"])
    for whiten in ("kept", "batch"):
        payload = update_payload(rollout.rollout, weights, rewards=np.ones(EPISODES), whiten=whiten)
        updated = subject.engine.update(payload, quiet)
        assert np.isfinite(updated.figures["loss_policy"])


def test_an_evaluation_tells_it_too(subject: Subject) -> None:
    payload = evaluate_payload(subject.test, samples=range(EPISODES))
    found = subject.engine.evaluate(payload, quiet)
    assert lost(found.components[0].failures) == LOST
    assert np.flatnonzero(np.isnan(float32_array(found.reward))).tolist() == LOST
    rewards = {sample.prompt: sample.reward for sample in found.samples}
    for episode, id in enumerate(subject.test.tolist()):
        assert (rewards[id] is None) == (episode in LOST)


def test_failures_repeat_themselves(subject: Subject) -> None:
    assert subject.rollout().components == subject.rollout().components


def test_a_prompt_without_a_score_is_refused(
    torch_load: LoadPayload, monkeypatch: pytest.MonkeyPatch
) -> None:
    from averse_worker.engine.torch.engine import TorchEngine
    from tiny_models import LetterReward

    class Broken(LetterReward):
        def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
            scores = super().score(texts)
            scores[3] = np.nan
            return scores

    monkeypatch.setattr("averse_worker.rewards.load.load_reward", lambda *_: Broken())
    engine = TorchEngine()
    train = uint32_array(engine.load(torch_load, quiet).train.ids)
    with pytest.raises(InputError, match="fails on 1 of 48 train prompts, first on prompt 3") as e:
        engine.score_prompts(score_payload(train), quiet)
    assert e.value.key == "reward.model"
