"""Scores texts with a reward model that may fail on some of them.

    batch ─▶ scores
      ├ an exception          its texts again, one by one: only those at fault are lost
      ├ over the time limit   the whole batch is lost
      ├ unavailable           again after a pause that doubles; then all that is left is lost
      └ NaN or infinity       that text is lost

A lost text has no score, and the reason is kept. Running out of memory, errors of the device and
interrupts are not failures of a text: they are raised.
"""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.platform.device_errors import is_device_error
from averse_worker.platform.memory import is_out_of_memory
from averse_worker.platform.time_limit import TimedOut, pause, time_limit
from averse_worker.rewards.contract import Failed, RewardModel, Scores
from averse_worker.rewards.scored_text import PairModel, Reading, ScoredText, UnavailableError
from averse_worker.wire.errors import WorkerError

# Characters of an exception's message: it may quote the text.
_WORDS: Final = 200
# Seconds: the first pause before another attempt, and the longest.
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0

Tick = Callable[[int, int], None]


class Scorer:
    """A reward model, what it reads of a text, and how long it may take for a batch."""

    def __init__(
        self,
        model: RewardModel | PairModel,
        timeout_seconds: float,
        *,
        text: Reading = "whole",
        retries: int = 0,
        key: str = "reward",
    ) -> None:
        """`timeout_seconds` 0: no limit; `key`: path of its settings in the configuration."""
        self._model = model
        self._timeout = timeout_seconds
        self._text: Reading = text
        self._retries = retries
        self._key = key

    def score(self, texts: Sequence[ScoredText | str], tick: Tick | None = None) -> Scores:
        """One raw score per text; `tick` gets the number done and the total.

        A plain string is a text of its own, whatever the scorer reads of an episode.
        """
        items = [one if isinstance(one, ScoredText) else ScoredText.of(one) for one in texts]
        values = np.empty(len(items), dtype=np.float32)
        failures: dict[int, Failed] = {}
        gone: Failed | None = None
        done = 0

        def alive() -> None:
            if tick:
                tick(done, len(items))

        for rows in self._batches(items):
            batch = [items[i] for i in rows]
            if gone is None:
                found, gone = self._score(batch, alive)
            else:
                found = _none(batch, gone)
            values[rows] = found.values
            failures |= {rows[i]: reason for i, reason in found.failures.items()}
            done += len(rows)
            alive()
        return Scores(values, failures)

    def _batches(self, items: Sequence[ScoredText]) -> Iterator[list[int]]:
        """Positions of texts that are scored together."""
        size = self._model.batch
        if size is None:
            if items:
                yield list(range(len(items)))
            return
        order = list(range(len(items)))
        if not hasattr(self._model, "score_pairs"):
            # Similar lengths together, for little padding.
            order.sort(key=lambda i: len(items[i].read(self._text)))
        for start in range(0, len(order), size):
            yield order[start : start + size]

    def _score(
        self, batch: Sequence[ScoredText], alive: Callable[[], None]
    ) -> tuple[Scores, Failed | None]:
        """Scores of a batch; and why no other batch can be scored, None: it can."""
        attempt = 0
        while True:
            try:
                with time_limit(self._timeout):
                    return self._ask(batch), None
            except TimedOut:
                late = Failed("timeout", self._late(batch))
                if attempt >= self._retries:
                    return _none(batch, late), late if self._retries else None
                after = 0.0
            except UnavailableError as error:
                reason = Failed("exception", str(error))
                if not error.again or attempt >= self._retries:
                    return _none(batch, reason), reason
                after = error.after
            except WorkerError:
                raise
            except Exception as error:
                if is_out_of_memory(error) or is_device_error(error):
                    raise
                if len(batch) == 1:
                    return _none(batch, Failed("exception", _described(error))), None
                return self._one_by_one(batch, alive)
            pause(max(after, min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)), alive)
            attempt += 1

    def _one_by_one(
        self, batch: Sequence[ScoredText], alive: Callable[[], None]
    ) -> tuple[Scores, Failed | None]:
        values = np.full(len(batch), np.nan, dtype=np.float32)
        failures: dict[int, Failed] = {}
        gone: Failed | None = None
        for i, text in enumerate(batch):
            alive()
            if gone is None:
                alone, gone = self._score([text], alive)
                values[i] = alone.values[0]
                if 0 in alone.failures:
                    failures[i] = alone.failures[0]
            else:
                failures[i] = gone
        return Scores(values, failures), gone

    def _ask(self, batch: Sequence[ScoredText]) -> Scores:
        if hasattr(self._model, "score_pairs"):
            found: Scores = self._model.score_pairs(batch)
            return _finite(found.values, found.failures)
        return _finite(self._model.score([item.read(self._text) for item in batch]), {})

    def _late(self, batch: Sequence[ScoredText]) -> str:
        texts = "1 text" if len(batch) == 1 else f"a batch of {len(batch)} texts"
        late = f"{texts} took longer than {self._key}.timeout_seconds, {self._timeout:g} s"
        server = getattr(self._model, "url", None)
        return late if server is None else f"{server} gave no answer: {late}"


def _none(batch: Sequence[ScoredText], reason: Failed) -> Scores:
    values = np.full(len(batch), np.nan, dtype=np.float32)
    return Scores(values, dict.fromkeys(range(len(batch)), reason))


def _finite(values: NDArray[np.float32], failed: Mapping[int, Failed]) -> Scores:
    """Scores in which NaN and infinities are failures, too."""
    bad = [i for i in np.flatnonzero(~np.isfinite(values)).tolist() if i not in failed]
    failures = {i: Failed("not-finite", f"the score is {values[i]}") for i in bad} | dict(failed)
    if not failures:
        return Scores(values)
    return Scores(np.where(np.isfinite(values), values, np.float32(np.nan)), failures)


def _described(error: Exception) -> str:
    """Class, message and place of an exception, in one line."""
    words = " ".join(str(error).split())[:_WORDS]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {words}{place}"
