"""The journal, followed: whole lines from a byte on, as often as there are new ones."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class JournalFollower:
    """Reads events on from where the last call ended. A line without its end is left for later."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self.offset = offset
        """Bytes of the journal that were given out as events."""

    def events(self) -> Iterator[dict[str, Any]]:
        """What is there now.

        Raises:
            ValueError: a whole line is not an event, or the journal is shorter than it was.
        """
        if not self._path.exists():
            return
        if self._path.stat().st_size < self.offset:
            raise ValueError(
                f"{self._path} has fewer bytes than were read of it; `averse verify` checks it"
            )
        with self._path.open("rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                try:
                    event = json.loads(line)
                except json.JSONDecodeError as error:
                    at = f"{self._path}: the line at byte {self.offset} is not an event"
                    raise ValueError(f"{at}; `averse verify` says more") from error
                self.offset += len(line)
                yield event
