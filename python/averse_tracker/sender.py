"""Sends a run's journal to one tracker, from where the last process stopped."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from averse_tracker.contract import Outcome, Settings, Tracker, TrialRun
from averse_tracker.cursor import Cursor, write_cursor
from averse_tracker.journal import JournalFollower
from averse_tracker.points import PointReader, Sent, arm_of, trial_config

SECONDS_BETWEEN_CURSORS: Final = 5.0
"""At most, while events come in without a pause."""

ENDS: Final[Mapping[str, Outcome]] = {"trial_finished": "done", "trial_failed": "failed"}


def destination_key(run_id: str, settings: Settings, again: int) -> str:
    """Tells runs in trackers apart: the same run, tracker and place have the same key."""
    place = [settings.name, settings.project, settings.run_name, settings.dir, settings.uri]
    text = json.dumps([run_id, *place, settings.offline, again])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Sender:
    """One run folder, one tracker."""

    def __init__(
        self,
        run: Path,
        manifest: Mapping[str, Any],
        settings: Settings,
        tracker: Tracker,
        cursor: Cursor,
        cursor_file: Path,
        key: str,
        guard: "Guard",
    ) -> None:
        self._run_name = run.name
        self._config: Mapping[str, Any] = manifest["config"]
        self._settings = settings
        self._tracker = tracker
        self._cursor = cursor
        self._cursor_file = cursor_file
        self._key = key
        self._guard = guard
        self._reader = PointReader(run, self._config, settings.show_text)
        self._follower = JournalFollower(run / "journal.jsonl", cursor.offset)
        self._begun: set[str] = set()
        self._written = time.monotonic()
        self.sent = 0
        """Points, by this process."""

    def send_new(self) -> bool:
        """Sends what the journal has by now; false: there was nothing new."""
        before = self._cursor.offset
        for event in self._follower.events():
            self._take(event)
            self._cursor.offset = self._follower.offset
            self._cursor.seq = event["seq"]
            if time.monotonic() - self._written > SECONDS_BETWEEN_CURSORS:
                self._keep()
        if self._cursor.offset == before:
            return False
        self._keep()
        return True

    def close(self) -> None:
        """Closes the tracker's runs; nothing can be sent afterwards."""
        with self._guard("closing"):
            self._tracker.close()
        self._keep(flush=False)

    def _take(self, event: Mapping[str, Any]) -> None:
        trial = event["trial"]
        if trial is None:
            return
        cursor = self._cursor.trial(trial)
        for sent in self._reader.points(event):
            if sent.point.at <= cursor.last.get(sent.kind, -1):
                continue
            self._send(trial, sent)
            cursor.points += 1
            cursor.last[sent.kind] = sent.point.at
        outcome = ENDS.get(event["type"])
        if outcome is not None and trial in self._begun:
            with self._guard("ending"):
                self._tracker.end(trial, outcome)
            self._begun.discard(trial)

    def _send(self, trial: str, sent: Sent) -> None:
        points = self._cursor.trial(trial).points
        if trial not in self._begun:
            with self._guard("starting"):
                self._tracker.begin(self._trial_run(trial), points)
            self._begun.add(trial)
        with self._guard("sending"):
            self._tracker.log(trial, sent.point, points)
        self.sent += 1

    def _keep(self, flush: bool = True) -> None:
        if flush:
            with self._guard("sending"):
                self._tracker.flush()
        self._cursor.kept = self._tracker.kept()
        write_cursor(self._cursor_file, self._cursor)
        self._written = time.monotonic()

    def _trial_run(self, trial: str) -> TrialRun:
        settings = self._settings
        before = settings.run_name or self._run_name
        own = hashlib.sha256(f"{self._key}/{trial}".encode()).hexdigest()[:16]
        return TrialRun(
            trial=trial,
            arm=arm_of(trial),
            group=before,
            title=f"{before}-{trial}",
            project=settings.project or str(self._config["name"]),
            key=own,
            config=trial_config(self._config, trial),
            tags=settings.tags,
        )


Stage = Literal["opening", "starting", "sending", "ending", "closing"]
Guard = Callable[[Stage], Any]
