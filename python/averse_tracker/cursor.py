"""How far a run's journal was sent to one tracker: a small file that is replaced as a whole.

It is written after what it tells of, so that nothing is left out; what a process that died had sent
beyond it is taken back or recognised by each tracker's library (`libraries/`), so that nothing is
there twice.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from averse_worker.platform.files import write_whole

FORMAT: Final = 1


@dataclass
class TrialCursor:
    """Of one trial."""

    points: int = 0
    """Sent, of every kind."""
    last: dict[str, int] = field(default_factory=dict)
    """Kind of point → the last `at` that was sent. After a resume an iteration may be done again
    and is the same; it is not sent again."""


@dataclass
class Cursor:
    """Of one tracker and place."""

    offset: int = 0
    """Bytes of the journal."""
    seq: int = 0
    """Last event."""
    trials: dict[str, TrialCursor] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    """What the tracker's library goes on with."""

    def trial(self, name: str) -> TrialCursor:
        """That of a trial, which begins here if it is new."""
        return self.trials.setdefault(name, TrialCursor())


def read_cursor(path: Path) -> Cursor:
    """What was written, or a new one where nothing was.

    Raises:
        ValueError: it is not such a file.
    """
    if not path.exists():
        return Cursor()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}")
        trials = {name: TrialCursor(**one) for name, one in found["trials"].items()}
        return Cursor(found["offset"], found["seq"], trials, found["kept"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{path} does not tell how far the journal was sent ({error})"
        raise ValueError(f"{why}; `averse track --again` sends it anew") from error


def write_cursor(path: Path, cursor: Cursor) -> None:
    """On disk, as a whole."""
    write_whole(path, json.dumps({"format": FORMAT, **asdict(cursor)}).encode())


class BusyError(Exception):
    """Another process sends the same run to the same tracker."""


@contextmanager
def sole_sender(path: Path) -> Iterator[None]:
    """Holds the lock of a cursor; the system gives it free with the process.

    Raises:
        BusyError: another process has it; names it.
    """
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise BusyError(f"process {holder} is sending this run to it already") from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
