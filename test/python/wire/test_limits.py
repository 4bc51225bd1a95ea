"""Ranges, weights and prompt ids, beyond what the contract suite asks of every engine."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.wire.errors import InputError
from averse_worker.wire.limits import check_load, check_sft, read_prompts, read_weights
from averse_worker.wire.messages.base import float32_bytes, uint32_bytes
from averse_worker.wire.messages.training import SftPayload
from payloads import load_payload


def test_the_papers_settings_pass() -> None:
    check_load(load_payload())


@pytest.mark.parametrize(
    ("path", "bad", "good"),
    [
        ("reward__scale", [0, -1], [1e-6]),
        ("data__prompt_tokens", [0], [1]),
        ("rollout__new_tokens", [0], [1, 10**6]),
        ("rollout__min_new_tokens", [7], [0, 6]),
        ("rollout__temperature", [0, -1], [1e-6]),
        ("rollout__top_p", [0, 1.01], [0.01, 1]),
        ("training__gamma", [-0.1, 1.1], [0, 1]),
        ("training__lambda", [-0.1, 1.1], [0, 1]),
        ("training__clip_ratio", [0], [0.1]),
        ("training__learning_rate", [-1e-9], [0]),
        ("training__average_decay", [1, -0.1], [0, 0.999]),
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
        check_load(load_payload(training__average_decay=1))
    expected = "training.average_decay is 1.0, expected a number in [0, 1)"
    assert caught.value.message == expected


def test_a_fine_tuning_of_nothing_is_refused() -> None:
    payload = SftPayload(seed=1, steps=0, batch=8, learning_rate=1e-3, max_tokens=8)
    with pytest.raises(InputError) as caught:
        check_sft(payload)
    assert caught.value.key == "sft.steps"


@given(st.lists(st.floats(0, 2.0**100, width=32), min_size=1))
def test_weights_become_shares(weights: list[float]) -> None:
    if not any(weights):
        with pytest.raises(InputError, match="nothing to learn from"):
            read_weights(float32_bytes(weights), np.zeros(len(weights), dtype=bool))
        return
    shares = read_weights(float32_bytes(weights), np.zeros(len(weights), dtype=bool))
    assert shares.sum() == pytest.approx(1)
    assert ((shares > 0) == (np.array(weights) > 0)).all()


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_a_bad_weight_is_named_by_its_place(bad: float) -> None:
    data = np.array([1, bad, 1], dtype="<f4").tobytes()
    with pytest.raises(InputError, match="weight 1 of the update"):
        read_weights(data, np.zeros(3, dtype=bool))


def test_an_episode_without_a_reward_carries_no_weight() -> None:
    failed = np.array([False, True, True])
    assert read_weights(float32_bytes([2, 0, 0]), failed).tolist() == [1, 0, 0]
    with pytest.raises(InputError, match=r"weight 2 of the update is 1\.0, but the reward"):
        read_weights(float32_bytes([2, 0, 1]), failed)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, unique=True), st.data())
def test_prompts_are_found_wherever_they_are(ids: list[int], data: st.DataObject) -> None:
    known = np.array(ids, dtype=np.uint32)
    asked = data.draw(st.lists(st.sampled_from(ids), min_size=1))
    positions = read_prompts(uint32_bytes(asked), known, "train")
    assert known[positions].tolist() == asked
    stranger = data.draw(st.integers(0, 2**32 - 1).filter(lambda id: id not in ids))
    with pytest.raises(InputError, match=f"prompt {stranger} is not in the train set"):
        read_prompts(uint32_bytes([*asked, stranger]), known, "train")
