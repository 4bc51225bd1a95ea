"""How episodes are divided among processes, and how their parts are put together again."""

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from averse_worker.data.text import Control, Text
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.platform.arrays import Packed
from averse_worker.platform.processes import take_place
from averse_worker.platform.ranks import part_of
from averse_worker.rewards.contract import Failed, Scores
from averse_worker.rewards.gathering import gather_prompt_scores, gather_scores
from averse_worker.rollout.collect import Critique, Episodes, RolloutSummary
from averse_worker.rollout.gathering import gather_rollout
from averse_worker.wire.messages.training import RolloutSeconds

Result = TypeVar("Result")

PAD = 0


class Thread:
    """One of several ranks that are threads; it can only gather."""

    facts: Mapping[str, str] = {}

    def __init__(self, rank: int, given: list[bytes], all_here: threading.Barrier) -> None:
        self.rank = rank
        self.count = len(given)
        self._given = given
        self._all_here = all_here

    def part(self, rows: int) -> slice:
        return part_of(rows, self.rank, self.count)

    def gather(self, own: bytes) -> list[bytes]:
        self._given[self.rank] = own
        self._all_here.wait()
        found = list(self._given)
        self._all_here.wait()
        return found

    def total(self, own: Tensor) -> Tensor:
        raise NotImplementedError

    def sum_step(self, parameters: Mapping[str, nn.Parameter], beside: Tensor) -> Tensor:
        raise NotImplementedError


def in_threads(count: int, work: Callable[[Thread], Result]) -> list[Result]:
    """What each of `count` ranks returns."""
    given: list[bytes] = [b""] * count
    barrier = threading.Barrier(count, timeout=60)
    found: dict[int, Result] = {}
    ranks = [Thread(rank, given, barrier) for rank in range(count)]
    threads = [
        threading.Thread(target=lambda rank=rank: found.update({rank.rank: work(rank)}))
        for rank in ranks
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[rank] for rank in range(count)]


@given(rows=st.integers(0, 300), count=st.integers(1, 17))
def test_parts_are_contiguous_whole_and_equal_up_to_one(rows: int, count: int) -> None:
    parts = [range(rows)[part_of(rows, rank, count)] for rank in range(count)]
    assert [row for part in parts for row in part] == list(range(rows))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def drawn_scores(random: np.random.Generator, rows: int) -> Scores:
    lost = random.random(rows) < 0.2
    values = np.where(lost, np.nan, random.normal(size=rows)).astype(np.float32)
    return Scores(values, {int(row): Failed("timeout", f"of {row}") for row in lost.nonzero()[0]})


def same_scores(found: Scores, expected: Scores) -> None:
    np.testing.assert_array_equal(found.values, expected.values)
    assert dict(found.failures) == dict(expected.failures)


@given(rows=st.integers(0, 30), count=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_scores_come_back_in_their_order(rows: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    components = [drawn_scores(random, rows) for _ in range(2)]
    prompts = random.normal(size=(2, rows)).astype(np.float32)

    def work(ranks: Thread) -> tuple[list[Scores], np.ndarray]:
        mine = ranks.part(rows)
        own = [scores.select(np.arange(rows)[mine]) for scores in components]
        return gather_scores(own, ranks), gather_prompt_scores(prompts[:, mine], ranks)

    for found, alone in in_threads(count, work):
        for one, expected in zip(found, components, strict=True):
            same_scores(one, expected)
        np.testing.assert_array_equal(alone, prompts)


def drawn_rollout(
    random: np.random.Generator, rows: int, critic: bool, conditioned: bool
) -> tuple[Episodes, RolloutSummary]:
    width = 5

    def tokens() -> PaddedPrompts:
        lengths = random.integers(1, 9, rows)
        drawn = [random.integers(1, 50, length).tolist() for length in lengths]
        return PaddedPrompts.of(drawn, PAD, torch.device("cpu"))

    def array() -> Tensor:
        return torch.from_numpy(random.normal(size=(rows, width)).astype(np.float32))

    def row() -> np.ndarray:
        return random.normal(size=rows).astype(np.float32)

    episodes = Episodes(
        tokens(),
        Responses(
            torch.from_numpy(random.integers(0, 50, (rows, width))),
            torch.from_numpy(random.integers(1, width + 1, rows)),
        ),
        array(),
        array(),
        Critique(array(), array(), array(), 0.3) if critic else None,
        random.random(rows) < 0.3,
        tokens() if conditioned else None,
    )
    texts = [
        Text(f"text {i}", ("text ", Control("<turn>"), str(i)), "te", "a reply" if i % 2 else None)
        for i in range(rows)
    ]
    summary = RolloutSummary(
        reward=row(),
        components=[drawn_scores(random, rows)],
        trained=[random.normal(size=rows)],
        kl=row(),
        returns=row(),
        lambda_returns=row() if critic else None,
        lengths=episodes.responses.lengths.numpy().astype(np.uint32),
        texts=texts,
        moments={},
        entropy=1.0,
        seconds=RolloutSeconds(sample=1.0, reference=1.0, reward=1.0),
    )
    return episodes, summary


def part_of_rollout(
    whole: tuple[Episodes, RolloutSummary], mine: slice
) -> tuple[Episodes, RolloutSummary]:
    episodes, told = whole
    rows = torch.arange(len(episodes.failed))[mine]
    width = episodes.responses.tokens.shape[1]
    cut = episodes.select(rows)
    # As sampled: every part is as wide as the longest response may be.
    part = Episodes(
        cut.prompts,
        Responses(episodes.responses.tokens[rows], cut.responses.lengths),
        episodes.log_probs[rows],
        episodes.reference_log_probs[rows],
        episodes.critique.select(rows, width) if episodes.critique else None,
        cut.failed,
        cut.plain_prompts,
    )
    numbers = rows.numpy()
    return part, RolloutSummary(
        reward=told.reward[mine],
        components=[scores.select(numbers) for scores in told.components],
        trained=[own[mine] for own in told.trained],
        kl=told.kl[mine],
        returns=told.returns[mine],
        lambda_returns=None if told.lambda_returns is None else told.lambda_returns[mine],
        lengths=told.lengths[mine],
        texts=told.texts[mine],
        moments=told.moments,
        entropy=told.entropy,
        seconds=told.seconds,
    )


def tensors(episodes: Episodes) -> dict[str, Tensor | None]:
    critique, plain = episodes.critique, episodes.plain_prompts
    return {
        "prompts": episodes.prompts.tokens,
        "prompt lengths": episodes.prompts.lengths,
        "tokens": episodes.responses.tokens,
        "lengths": episodes.responses.lengths,
        "log_probs": episodes.log_probs,
        "reference": episodes.reference_log_probs,
        "baseline": critique.baseline if critique else None,
        "values": critique.values if critique else None,
        "advantages": critique.advantages if critique else None,
        "failed": torch.from_numpy(episodes.failed),
        "plain": plain.tokens if plain else None,
        "plain lengths": plain.lengths if plain else None,
    }


@given(
    count=st.integers(1, 4),
    extra=st.integers(0, 12),
    critic=st.booleans(),
    conditioned=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_rollout_s_parts_make_the_whole_in_every_process(
    count: int, extra: int, critic: bool, conditioned: bool, seed: int
) -> None:
    rows = count + extra
    whole = drawn_rollout(np.random.default_rng(seed), rows, critic, conditioned)

    def work(ranks: Thread) -> tuple[Episodes, RolloutSummary]:
        return gather_rollout(*part_of_rollout(whole, ranks.part(rows)), PAD, ranks)

    for episodes, told in in_threads(count, work):
        expected = tensors(whole[0])
        for name, tensor in tensors(episodes).items():
            other = expected[name]
            assert (tensor is None) == (other is None), name
            if tensor is not None and other is not None:
                assert tensor.dtype == other.dtype, name
                assert torch.equal(tensor, other), name
        for name in ("reward", "kl", "returns", "lambda_returns", "lengths"):
            np.testing.assert_array_equal(getattr(told, name), getattr(whole[1], name))
        np.testing.assert_array_equal(told.trained[0], whole[1].trained[0])
        same_scores(told.components[0], whole[1].components[0])
        assert [(t, t.pieces, t.prompt, t.reply) for t in told.texts] == [
            (t, t.pieces, t.prompt, t.reply) for t in whole[1].texts
        ]


@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["<f4", "<f8", "<i8", "|b1"]))
def test_a_packed_array_comes_back(seed: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    array = random.normal(size=random.integers(0, 4, 2)).astype(kind)
    found = Packed.of(array.T).array()
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array.T)


def test_a_place_is_read_once_and_one_process_has_none() -> None:
    """accelerate, under fine-tuning, must not find what torchrun set."""
    own = {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    environment = {**own, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500", "HOME": "/root"}
    place = take_place(environment)
    assert place is not None
    assert (place.rank, place.count, place.port, place.hosts) == (1, 4, 29500, False)
    assert environment == {"HOME": "/root"}
    assert take_place(environment) is None
    assert take_place({**environment, **own, "WORLD_SIZE": "1"}) is None
