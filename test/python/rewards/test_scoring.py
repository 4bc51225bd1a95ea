"""A reward model that fails: what is lost, what is kept, and what passes through."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from averse_worker.rewards.contract import Failed, Scores, failed_mask, score_failures
from averse_worker.rewards.scoring import Scorer
from averse_worker.wire.errors import InputError, Interrupted
from averse_worker.wire.messages.base import uint32_array


class Lengths:
    """Scores a text by its length, and does what `tricks` say with certain texts."""

    def __init__(
        self, batch: int | None = None, tricks: dict[str, Callable[[], float]] | None = None
    ) -> None:
        self.batch = batch
        self.calls: list[list[str]] = []
        self._tricks = tricks or {}

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(list(texts))
        scores = [self._tricks[t]() if t in self._tricks else float(len(t)) for t in texts]
        return np.array(scores, dtype=np.float32)


def raising(error: BaseException) -> Callable[[], float]:
    def trick() -> float:
        raise error

    return trick


def forever() -> float:
    while True:
        time.sleep(0.001)


TEXTS = ["ccc", "a", "dddd", "bb", "eeeee"]


def score(model: Lengths, timeout: float = 0, **settings: Any) -> Scores:
    return Scorer(model, timeout).score(TEXTS, **settings)


def test_a_model_without_batches_is_asked_once() -> None:
    model = Lengths()
    found = score(model)
    assert found.values.tolist() == [3, 1, 4, 2, 5]
    assert found.failures == {}
    assert model.calls == [TEXTS]


def test_batches_are_of_like_lengths_and_told_as_they_are_done() -> None:
    model = Lengths(batch=2)
    ticks: list[tuple[int, int]] = []
    found = score(model, tick=lambda done, total: ticks.append((done, total)))
    assert found.values.tolist() == [3, 1, 4, 2, 5]
    assert model.calls == [["a", "bb"], ["ccc", "dddd"], ["eeeee"]]
    assert ticks == [(2, 5), (4, 5), (5, 5)]


def test_no_texts_are_no_call() -> None:
    for batch in (None, 4):
        model = Lengths(batch)
        assert Scorer(model, 1).score([]).values.shape == (0,)
        assert model.calls == []


def test_an_exception_costs_the_text_at_fault_alone() -> None:
    model = Lengths(batch=4, tricks={"bb": raising(KeyError("no such\n piece"))})
    found = score(model)
    np.testing.assert_array_equal(found.values, [3, 1, 4, np.nan, 5])
    (failed,) = found.failures.values()
    assert list(found.failures) == [3]
    assert failed.kind == "exception"
    assert failed.message.startswith("KeyError: 'no such\\n piece' (test_scoring.py:")
    assert model.calls[1:5] == [["a"], ["bb"], ["ccc"], ["dddd"]]


def test_a_bug_that_hits_every_text_is_told_for_every_text() -> None:
    error = TypeError("x" * 1000 + "\n\n" + "y")
    found = score(Lengths(tricks=dict.fromkeys(TEXTS, raising(error))))
    assert sorted(found.failures) == [0, 1, 2, 3, 4]
    (reason,) = score_failures(found.failures)
    assert uint32_array(reason.episodes).tolist() == [0, 1, 2, 3, 4]
    assert reason.message.startswith("TypeError: xxx")
    assert len(reason.message) < 300
    assert np.isnan(found.values).all()


def test_a_batch_over_the_limit_is_lost_and_the_next_is_not() -> None:
    model = Lengths(batch=2, tricks={"bb": forever})
    found = score(model, timeout=2)
    np.testing.assert_array_equal(found.values, [3, np.nan, 4, np.nan, 5])
    message = "a batch of 2 texts took longer than reward.timeout_seconds, 2 s"
    assert found.failures == {1: Failed("timeout", message), 3: Failed("timeout", message)}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_finite_number_is_no_score(value: float) -> None:
    found = score(Lengths(tricks={"dddd": lambda: value}))
    np.testing.assert_array_equal(found.values, [3, 1, np.nan, 2, 5])
    assert found.failures == {2: Failed("not-finite", f"the score is {np.float32(value)}")}


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate"),
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
        type("AcceleratorError", (RuntimeError,), {})("an illegal memory access"),
        Interrupted("on request"),
        InputError("the model lies"),
        KeyboardInterrupt(),
    ],
)
def test_what_is_no_fault_of_a_text_passes_through(error: BaseException) -> None:
    for batch in (None, 1):
        with pytest.raises(type(error)):
            score(Lengths(batch, tricks={"ccc": raising(error)}))


def test_an_interrupt_passes_through_while_texts_are_tried_one_by_one() -> None:
    calls: list[int] = []

    def tick(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == 3:
            raise Interrupted("on request")

    with pytest.raises(Interrupted):
        score(Lengths(tricks={"ccc": raising(KeyError())}), tick=tick)
    assert calls == [0, 0, 0]


kinds = st.sampled_from(["timeout", "exception", "not-finite"])
reasons = st.builds(Failed, kinds, st.integers(0, 200).map(str))


@given(st.dictionaries(st.integers(0, 500), reasons))
def test_every_failure_is_told_once(failures: dict[int, Failed]) -> None:
    messages = score_failures(failures)
    episodes = [e for message in messages for e in uint32_array(message.episodes).tolist()]
    assert sorted(episodes) == sorted(failures)
    assert len(messages) <= 64 + 3
    for message in messages:
        own = uint32_array(message.episodes).tolist()
        assert own == sorted(own)
        assert all(failures[episode].kind == message.kind for episode in own)
    mask = failed_mask(501, failures)
    assert np.flatnonzero(mask).tolist() == sorted(failures)
