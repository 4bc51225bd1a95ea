"""Scores texts with a reward model that may fail on some of them.

    batch ─▶ scores
      ├ an exception          its texts again, one by one: only those at fault are lost
      ├ over the time limit   the whole batch is lost
      └ NaN or infinity       that text is lost

A lost text has no score, and the reason is kept. Running out of memory, errors of the device and
interrupts are not failures of a text: they are raised.
"""

import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.platform.device_errors import is_device_error
from averse_worker.platform.memory import is_out_of_memory
from averse_worker.platform.time_limit import TimedOut, time_limit
from averse_worker.rewards.contract import Failed, RewardModel, Scores
from averse_worker.wire.errors import WorkerError

# Characters of an exception's message: it may quote the text.
_WORDS: Final = 200

Tick = Callable[[int, int], None]


class Scorer:
    """A reward model, and how long it may take for a batch."""

    def __init__(self, model: RewardModel, timeout_seconds: float) -> None:
        """`timeout_seconds` 0: no limit."""
        self._model = model
        self._timeout = timeout_seconds

    def score(self, texts: Sequence[str], tick: Tick | None = None) -> Scores:
        """One raw score per text; `tick` gets the number done and the total."""
        values = np.empty(len(texts), dtype=np.float32)
        failures: dict[int, Failed] = {}
        done = 0

        def alive() -> None:
            if tick:
                tick(done, len(texts))

        for rows in self._batches(texts):
            found = self._score([texts[i] for i in rows], alive)
            values[rows] = found.values
            failures |= {rows[i]: reason for i, reason in found.failures.items()}
            done += len(rows)
            alive()
        return Scores(values, failures)

    def _batches(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """Positions of texts that are scored together."""
        size = self._model.batch
        if size is None:
            if texts:
                yield list(range(len(texts)))
            return
        # Similar lengths together, for little padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), size):
            yield order[start : start + size]

    def _score(self, batch: Sequence[str], alive: Callable[[], None]) -> Scores:
        try:
            with time_limit(self._timeout):
                values = self._model.score(batch)
        except TimedOut:
            return self._none(batch, Failed("timeout", self._late(batch)))
        except WorkerError:
            raise
        except Exception as error:
            if is_out_of_memory(error) or is_device_error(error):
                raise
            if len(batch) == 1:
                return self._none(batch, Failed("exception", _described(error)))
        else:
            return _finite(values)
        values = np.empty(len(batch), dtype=np.float32)
        failures: dict[int, Failed] = {}
        for i, text in enumerate(batch):
            alive()
            alone = self._score([text], alive)
            values[i] = alone.values[0]
            if 0 in alone.failures:
                failures[i] = alone.failures[0]
        return Scores(values, failures)

    def _none(self, batch: Sequence[str], reason: Failed) -> Scores:
        values = np.full(len(batch), np.nan, dtype=np.float32)
        return Scores(values, dict.fromkeys(range(len(batch)), reason))

    def _late(self, batch: Sequence[str]) -> str:
        texts = "1 text" if len(batch) == 1 else f"a batch of {len(batch)} texts"
        return f"{texts} took longer than reward.timeout_seconds, {self._timeout:g} s"


def _finite(values: NDArray[np.float32]) -> Scores:
    """Scores in which NaN and infinities are failures."""
    bad = np.flatnonzero(~np.isfinite(values)).tolist()
    if not bad:
        return Scores(values)
    failures = {i: Failed("not-finite", f"the score is {values[i]}") for i in bad}
    return Scores(np.where(np.isfinite(values), values, np.float32(np.nan)), failures)


def _described(error: Exception) -> str:
    """Class, message and place of an exception, in one line."""
    words = " ".join(str(error).split())[:_WORDS]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {words}{place}"
