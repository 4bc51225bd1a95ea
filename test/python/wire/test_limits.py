"""Ranges, weights and prompt ids, beyond what the contract suite asks of every engine."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.wire.errors import InputError
from averse_worker.wire.limits import (
    LossArrays,
    check_load,
    check_sft,
    read_loss_arrays,
    read_prompts,
)
from averse_worker.wire.messages.base import uint32_bytes
from payloads import load_payload, sft_payload, update_payload


def test_the_papers_settings_pass() -> None:
    check_load(load_payload())


@pytest.mark.parametrize(
    ("path", "bad", "good"),
    [
        ("rewards__0__scale", [0, -1], [1e-6]),
        ("data__prompt_tokens", [0], [1]),
        ("rollout__new_tokens", [0], [1, 10**6]),
        ("rollout__min_new_tokens", [7], [0, 6]),
        ("rollout__temperature", [0, -1], [1e-6]),
        ("rollout__top_p", [0, 1.01], [0.01, 1]),
        ("training__gamma", [-0.1, 1.1], [0, 1]),
        ("training__lambda", [-0.1, 1.1], [0, 1]),
        ("training__clip_ratio", [0], [0.1]),
        ("training__learning_rate", [-1e-9], [0]),
        ("training__ema_decay", [1, -0.1], [0, 0.999]),
        ("training__max_grad_norm", [0], [1]),
    ],
)
def test_both_sides_of_every_bound(path: str, bad: list[Any], good: list[Any]) -> None:
    for value in good:
        check_load(load_payload(**{path: value}))
    for value in bad:
        with pytest.raises(InputError, match="expected a number in") as caught:
            check_load(load_payload(**{path: value}))
        assert caught.value.key is not None
        assert caught.value.key.split(".")[-1] == path.split("__")[-1]


def test_messages_name_value_and_interval() -> None:
    with pytest.raises(InputError) as caught:
        check_load(load_payload(training__ema_decay=1))
    expected = "training.ema_decay is 1.0; expected a number in [0, 1)"
    assert caught.value.message == expected


def test_a_fine_tuning_of_nothing_is_refused() -> None:
    payload = sft_payload(seed=1, steps=0, batch=8, learning_rate=1e-3, max_tokens=8)
    with pytest.raises(InputError) as caught:
        check_sft(payload)
    assert caught.value.key == "sft.steps"


def read(failed: list[bool], **arrays: Any) -> LossArrays:
    return read_loss_arrays(update_payload(1, **arrays), np.array(failed), critic=True)


@given(st.lists(st.floats(0, 2.0**100, width=32), min_size=1))
def test_weights_become_fractions_of_their_sum(weights: list[float]) -> None:
    everybody = [False] * len(weights)
    if not any(weights):
        with pytest.raises(InputError, match="nothing to learn from"):
            read(everybody, weights=weights)
        return
    arrays = read(everybody, weights=weights)
    assert arrays.weights is not None
    assert arrays.weights.sum() == pytest.approx(1)
    assert arrays.taking_part.tolist() == np.flatnonzero(weights).tolist()


FLOATS = st.floats(-100, 100, width=32)


@given(st.lists(st.tuples(FLOATS, FLOATS.map(abs)), min_size=1))
def test_whoever_has_an_advantage_or_a_kl_weight_takes_part(pairs: list[Any]) -> None:
    advantages, kl_weights = (list(column) for column in zip(*pairs, strict=True))
    everybody = [False] * len(pairs)
    expected = [i for i, pair in enumerate(pairs) if pair != (0, 0)]
    if not expected:
        with pytest.raises(InputError, match="nothing to learn from"):
            read(everybody, advantages=advantages, kl_weights=kl_weights)
        return
    arrays = read(everybody, advantages=advantages, kl_weights=kl_weights)
    assert arrays.taking_part.tolist() == expected
    assert arrays.advantages is not None
    assert arrays.advantages.tolist() == advantages


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("weights", "weight 1"),
        ("rewards", "reward 1"),
        ("advantages", "advantage 1"),
        ("kl_weights", "KL weight 1"),
    ],
)
def test_a_bad_value_is_named_by_its_place(name: str, words: str, bad: float) -> None:
    arrays = {"weights": [1, 1, 1]} if name == "rewards" else {}
    payload = update_payload(1, **arrays, **{name: [1, 1, 1]})
    data = np.array([1, bad, 1], dtype="<f4").tobytes()
    wrong = msgspec.structs.replace(payload, **{name: data})
    none_failed = np.zeros(3, dtype=bool)
    if name in ("advantages", "rewards") and bad == -1:
        assert read_loss_arrays(wrong, none_failed, critic=True).taking_part.size == 3
        return
    with pytest.raises(InputError, match=f"{words} of the update"):
        read_loss_arrays(wrong, none_failed, critic=True)


def test_an_episode_without_a_reward_has_a_kl_weight_at_most() -> None:
    failed = [False, True, True]
    arrays = read(failed, weights=[2, 0, 0], kl_weights=[0, 0, 3])
    assert arrays.taking_part.tolist() == [0, 2]
    with pytest.raises(InputError, match=r"^weight 2 of the update is 1\.0, but the reward"):
        read(failed, weights=[2, 0, 1])
    with pytest.raises(InputError, match=r"^advantage 1 of the update is -1\.0, but the reward"):
        read(failed, advantages=[2, -1, 0])


def test_rewards_are_behind_weights_and_nothing_else() -> None:
    arrays = read([False, True], weights=[1, 0], rewards=[-2, 5])
    assert arrays.rewards is not None
    assert arrays.rewards.tolist() == [-2, 5]
    assert arrays.taking_part.tolist() == [0]
    with pytest.raises(InputError, match=r"has rewards, .* but no weights"):
        read([False, False], advantages=[1, 1], rewards=[1, 1])


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, unique=True), st.data())
def test_prompts_are_found_wherever_they_are(ids: list[int], data: st.DataObject) -> None:
    known = np.array(ids, dtype=np.uint32)
    asked = data.draw(st.lists(st.sampled_from(ids), min_size=1))
    positions = read_prompts(uint32_bytes(asked), known, "train")
    assert known[positions].tolist() == asked
    stranger = data.draw(st.integers(0, 2**32 - 1).filter(lambda id: id not in ids))
    with pytest.raises(InputError, match=f"prompt {stranger} is not in the train set"):
        read_prompts(uint32_bytes([*asked, stranger]), known, "train")
