"""Gradient steps: even, of like lengths, and of other episodes in every epoch."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from averse_worker.models.batches import PaddedPrompts
from averse_worker.training.minibatches import (
    minibatches,
    minibatches_of_prompts,
    padded_tokens,
)

Lengths = NDArray[np.int64]


def sizes_of(count: int) -> st.SearchStrategy[Lengths]:
    return st.lists(st.integers(1, 200), min_size=count, max_size=count).map(np.array)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Lengths, Lengths, int, int]:
    count = draw(st.integers(1, 60))
    lengths = draw(sizes_of(count)), draw(sizes_of(count))
    return (*lengths, draw(st.integers(1, count)), draw(st.integers(0, 2**32 - 1)))


@given(batches())
def test_every_row_comes_once_in_even_groups(batch: tuple[Lengths, Lengths, int, int]) -> None:
    prompts, responses, steps, seed = batch
    groups = list(minibatches(prompts, responses, steps, np.random.default_rng(seed)))
    assert len(groups) == steps
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(prompts)))
    sizes = [len(group) for group in groups]
    assert max(sizes) - min(sizes) <= 1


def test_with_fewer_rows_than_steps_rows_come_again() -> None:
    lengths = np.array([3, 5])
    groups = list(minibatches(lengths, lengths, 5, np.random.default_rng(1)))
    assert [len(group) for group in groups] == [1] * 5
    assert set(np.concatenate(groups).tolist()) == {0, 1}


@given(batches())
def test_padding_costs_five_percent_more_at_most(batch: tuple[Lengths, Lengths, int, int]) -> None:
    """Than in groups by length; equal lengths are counted in the order that sorting leaves."""
    prompts, responses, steps, seed = batch
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(prompts))
    by_length = shuffled[np.argsort((prompts + responses)[shuffled], kind="stable")]
    least = padded_tokens(by_length, prompts, responses, steps)
    groups = minibatches(prompts, responses, steps, np.random.default_rng(seed))
    found = sum(len(g) * int(prompts[g].max() + responses[g].max()) for g in groups)
    assert found <= 1.05 * least


@pytest.mark.parametrize("spread", ["lengths all differ", "all are alike", "most are the longest"])
def test_an_episode_meets_others_in_every_epoch(spread: str) -> None:
    """Groups of eight of 64: in order of length alone, seven others would be met for ever."""
    random = np.random.default_rng(3)
    prompts = np.full(64, 16)
    responses = {
        "lengths all differ": np.arange(20, 84),
        "all are alike": np.full(64, 24),
        "most are the longest": np.minimum(random.geometric(1 / 60, 64), 48),
    }[spread]
    met: list[set[int]] = [set() for _ in range(64)]
    for _ in range(30):
        for group in minibatches(prompts, responses, 8, random):
            for row in group:
                met[row] |= set(group.tolist()) - {row}
    assert min(map(len, met)) > 7
    assert np.mean([len(others) for others in met]) > 20


@given(
    st.lists(st.integers(0, 5), min_size=12, max_size=40),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
)
def test_rows_of_one_prompt_stay_together(which: list[int], steps: int, seed: int) -> None:
    """Every group begins and ends within a prompt at most, and has whole ones in between."""
    texts = [[1] * 3, [2] * 3, [3] * 5, [4], [5] * 5, [6] * 2]
    prompts = PaddedPrompts.of([texts[i] for i in which], 0, torch.device("cpu"))
    responses = np.arange(1, len(which) + 1) % 7 + 1
    random = np.random.default_rng(seed)
    groups = list(minibatches_of_prompts(prompts, responses, steps, random))
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(which)))
    sizes = [len(group) for group in groups]
    assert max(sizes) - min(sizes) <= 1
    if len(which) >= 2 * len(set(which)):
        seen = [which[row] for group in groups for row in group]
        changes = sum(one != other for one, other in itertools.pairwise(seen))
        assert changes == len(set(which)) - 1
