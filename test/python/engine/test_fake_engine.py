"""What the fake engine promises beyond the contract: a world worth being careful in."""

import time
from typing import Any

import numpy as np
import pytest

from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.engine.fake.learning import lambda_return
from averse_worker.wire.errors import Diverged, InputError
from averse_worker.wire.messages.base import float32_array, uint32_array
from payloads import (
    JUDGE,
    adapter,
    classifier,
    evaluate_payload,
    load_payload,
    rollout_payload,
    score_payload,
    update_payload,
)

BATCH = 64


def quiet(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


def loaded(**changes: Any) -> tuple[FakeEngine, Any]:
    engine = FakeEngine()
    return engine, engine.load(load_payload(**changes), quiet)


def prompt_scores(engine: FakeEngine, result: Any, split: str) -> Any:
    prompts = uint32_array(getattr(result, split).ids)
    return float32_array(engine.score_prompts(score_payload(prompts, split=split), quiet).combined)


def test_prompts_have_a_heavy_lower_tail() -> None:
    engine, result = loaded()
    train, test = (prompt_scores(engine, result, split) for split in ("train", "test"))
    assert (len(train), len(test)) == (400, 100)
    centre = np.median(train)
    assert centre - train.min() > 3 * (train.max() - centre)
    assert 0.02 < (train < -2.5).mean() < 0.15
    assert not set(uint32_array(result.train.ids)) & set(uint32_array(result.test.ids))


def train(keep: float, steps: int = 100, seed: int = 0) -> tuple[float, float]:
    """Mean and tail reward on all test prompts after training on the worst `keep` share."""
    engine, result = loaded(training__learning_rate=1.41e-5, training__minibatch=32)
    ids, test = uint32_array(result.train.ids), uint32_array(result.test.ids)
    random = np.random.default_rng(seed)
    for step in range(steps):
        prompts = random.choice(ids, BATCH)
        rollout = engine.rollout(rollout_payload(prompts, seed=step, beta=0.05), quiet)
        returns = float32_array(rollout.return_)
        weights = np.zeros(BATCH)
        weights[np.argsort(returns)[: int(keep * BATCH)]] = 1
        engine.update(update_payload(rollout.rollout, weights, seed=step), quiet)
    rewards = float32_array(engine.evaluate(evaluate_payload(test), quiet).reward)
    hard = prompt_scores(engine, result, "test") < -1
    return float(rewards.mean()), float(rewards[hard].mean())


def test_updates_raise_the_reward() -> None:
    before, after = train(keep=1.0, steps=0), train(keep=1.0)
    assert after[0] > before[0] + 0.3


def test_weights_on_the_worst_raise_the_tail_more() -> None:
    everyone = np.mean([train(keep=1.0, seed=seed) for seed in range(2)], axis=0)
    worst = np.mean([train(keep=0.4, seed=seed) for seed in range(2)], axis=0)
    assert worst[1] > everyone[1] + 0.1
    assert worst[0] < everyone[0]


def test_an_iteration_takes_milliseconds() -> None:
    engine, result = loaded()
    prompts = uint32_array(result.train.ids)[:128]
    seconds = []
    for seed in range(5):
        # Of the processor: a busy machine costs none of it.
        started = time.thread_time()
        rollout = engine.rollout(rollout_payload(prompts, seed=seed), quiet)
        engine.update(update_payload(rollout.rollout, np.ones(128)), quiet)
        seconds.append(time.thread_time() - started)
    assert sorted(seconds)[2] < 0.1


def test_a_step_too_far_is_a_divergence() -> None:
    engine, result = loaded(
        training__learning_rate=1e300, training__max_grad_norm=1e300, training__epochs=4
    )
    prompts = uint32_array(result.train.ids)[:16]
    rollout = engine.rollout(rollout_payload(prompts, beta=0.1), quiet)
    before = engine.evaluate(evaluate_payload(uint32_array(result.test.ids)), quiet)
    with pytest.raises(
        Diverged, match=r"became NaN or infinite in the update, episodes \d"
    ) as caught:
        engine.update(update_payload(rollout.rollout, np.ones(16)), quiet)
    loaded_ = engine._loaded
    assert loaded_ is not None
    assert np.isfinite(loaded_.parameters.policy).all()
    assert np.isfinite(loaded_.parameters.value).all()
    assert before.components[0].failures == []
    assert caught.value.key == "training.learning_rate"
    assert "grad_norm':" in (caught.value.detail or "")


def test_the_lambda_return_of_three_tokens_by_hand() -> None:
    """G₂ = r − k;  G₁ = −k + γ((1−λ)V + λG₂);  G₀ likewise; one token: r − k."""
    training = load_payload(training__gamma=0.9, training__lambda=0.8).training
    reward, kl, values = np.array([1.0, 1.0]), np.array([0.1, 0.1]), np.array([0.5, 0.5])
    second = -0.1 + 0.9 * (0.2 * 0.5 + 0.8 * 0.9)
    first = -0.1 + 0.9 * (0.2 * 0.5 + 0.8 * second)
    result = lambda_return(reward, kl, values, np.array([3.0, 1.0]), training)
    np.testing.assert_allclose(result, [first, 0.9])


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("policy.lora_rank", {"policy__adapter": adapter(8)}),
        ("backend.device", {"backend__device": "cuda"}),
        (
            "evaluation.judges.0.model",
            {"judges": [{"name": "judge", "scorer": classifier("some/model")}]},
        ),
    ],
)
def test_what_it_does_not_have_is_refused(key: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        loaded(**changes)
    assert caught.value.key == key


def test_settings_that_only_some_engines_notice() -> None:
    """Every field of `load` counts: two loads that differ in one of them differ in answers."""
    plain, result = loaded()
    prompts = uint32_array(result.test.ids)
    before = plain.evaluate(evaluate_payload(prompts, samples=[0, 1]), quiet)
    for changes in (
        {"rollout__temperature": 0.5},
        {"rollout__top_p": 0.5},
        {"rollout__top_k": 3},
        {"rollout__min_new_tokens": 5},
        {"data__prompt_tokens": 2},
        {"rewards__0__scorer__sign": -1},
        {"rewards__0__weight": 2},
        {"judges": [JUDGE]},
        {"engine_options": {"reward_noise": 0}},
    ):
        engine, _ = loaded(**changes)
        after = engine.evaluate(evaluate_payload(prompts, samples=[0, 1]), quiet)
        fields = ("reward", "length", "judges", "samples")
        assert any(getattr(before, f) != getattr(after, f) for f in fields), changes


def test_what_stands_for_files_is_the_same_whatever_an_arm_makes_of_them() -> None:
    (_, plain), (_, turned) = loaded(), loaded(rewards__0__scorer__sign=-1)
    assert turned.digests == plain.digests
    assert plain.train.scores_digest != turned.train.scores_digest
