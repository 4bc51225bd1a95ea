"""Shapes of the trained reward, and its running normalisation."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from averse_worker.rewards.running import RunningMoments
from averse_worker.rewards.transform import RewardTransform
from payloads import load_payload

SCORES = st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=30).map(
    lambda values: np.array(values, dtype=np.float32)
)
KINDS = ["identity", "clip", "log-sigmoid", "sigmoid", "hinge"]


def shaped(kind: str, scores: NDArray[np.float32], prompts: Any = None, **changes: Any) -> Any:
    [reward] = load_payload().rewards
    settings = msgspec.structs.replace(reward, transform=kind, **changes)
    own = np.zeros_like(scores) if prompts is None else prompts
    return RewardTransform(settings)(scores, own)


@pytest.mark.parametrize("kind", KINDS)
@given(SCORES)
def test_a_better_score_is_never_worth_less(kind: str, scores: NDArray[np.float32]) -> None:
    found = shaped(kind, np.sort(scores), scale=1.5, threshold=0.5)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()


@given(SCORES)
def test_each_shape_by_its_formula(scores: NDArray[np.float32]) -> None:
    exact = scores.astype(float)
    near = {"rtol": 1e-6, "atol": 1e-6}
    sigmoid = np.array([1 / (1 + math.exp(-x)) for x in exact])
    np.testing.assert_array_equal(shaped("identity", scores), scores)
    np.testing.assert_allclose(shaped("clip", scores, scale=3), np.clip(exact, -3, 3), **near)
    np.testing.assert_allclose(shaped("sigmoid", scores, scale=3), 3 * sigmoid, **near)
    hinge = [2 * min(x - 1, 0) for x in exact]
    np.testing.assert_allclose(shaped("hinge", scores, scale=2, threshold=1), hinge, **near)
    logs = [
        2 * (x - math.log1p(math.exp(x)) if x < 0 else -math.log1p(math.exp(-x))) for x in exact
    ]
    np.testing.assert_allclose(shaped("log-sigmoid", scores, scale=2), logs, **near)


@pytest.mark.parametrize("kind", KINDS)
@given(SCORES)
def test_the_prompts_own_shape_is_subtracted(kind: str, scores: NDArray[np.float32]) -> None:
    found = shaped(kind, scores, prompts=scores, baseline="prompt")
    assert (found == 0).all()


@given(st.lists(SCORES, min_size=1, max_size=5))
def test_moments_are_those_of_all_values_however_they_came(parts: list[Any]) -> None:
    moments = RunningMoments()
    for part in parts:
        moments = moments.with_values(part)
    whole = np.concatenate(parts).astype(float)
    assert moments.count == whole.size
    assert moments.mean == pytest.approx(whole.mean(), abs=1e-6)
    assert moments.squares == pytest.approx(((whole - whole.mean()) ** 2).sum(), abs=1e-4, rel=1e-6)


def test_normalised_values_have_mean_0_and_deviation_1() -> None:
    values = np.random.default_rng(0).normal(7, 3, 500).astype(np.float32)
    found = RunningMoments().with_values(values).normalized(values)
    assert found.mean() == pytest.approx(0, abs=1e-5)
    assert found.std() == pytest.approx(1, abs=1e-5)
    same = np.full(4, 2, dtype=np.float32)
    assert RunningMoments().with_values(same).normalized(same).tolist() == [0, 0, 0, 0]
    assert RunningMoments().normalized(same).tolist() == [2, 2, 2, 2]
    assert RunningMoments().with_values(same[:0]) == RunningMoments()


@given(st.lists(SCORES, min_size=1, max_size=4))
def test_a_checkpoint_gives_the_same_bits_back(parts: list[Any]) -> None:
    moments = RunningMoments()
    for part in parts:
        moments = moments.with_values(part)
    again = msgspec.json.decode(msgspec.json.encode(moments), type=RunningMoments)
    assert again == moments
    assert again.with_values(parts[0]) == moments.with_values(parts[0])
