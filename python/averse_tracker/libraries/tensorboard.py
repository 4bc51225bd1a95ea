"""TensorBoard's event files: a folder per trial.

Each process writes files of its own. What one that died had written beyond the cursor is cut off
before the next goes on, so that no event is there twice.
"""

import json
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from averse_tracker.contract import Outcome, Place, Point, Settings, TrialRun
from averse_tracker.points import flat
from averse_tracker.table_text import markdown


class TensorBoard:
    """Writes below one folder; `tensorboard --logdir` shows it."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._is_shared = settings.dir is not None
        self._root = place.folder if settings.dir is None else Path(settings.dir)
        self._sizes: dict[str, dict[str, int]] = dict(place.kept)
        self._writers: dict[str, EventFileWriter] = {}
        self._folders: dict[str, Path] = {}

    @property
    def place(self) -> str:
        """The command that shows the files."""
        return f"tensorboard --logdir {self._root}"

    def begin(self, run: TrialRun, sent: int) -> None:
        """Opens a new event file of the trial's folder."""
        # Several runs may share a `dir`; in the run folder there is only this one.
        folder = self._root / (run.title if self._is_shared else run.trial)
        folder.mkdir(parents=True, exist_ok=True)
        _cut(folder, self._sizes.get(run.trial, {}))
        writer = EventFileWriter(str(folder))
        self._writers[run.trial] = writer
        self._folders[run.trial] = folder
        if sent == 0:
            config = flat(run.config)
            _add(writer, Summary(value=hparams_pb(dict(config)).value), 0, None)
            text = "```json\n" + json.dumps(run.config, indent=2) + "\n```"
            _add(writer, text_pb("config", text), 0, None)
            if run.tags:
                _add(writer, text_pb("tags", ", ".join(run.tags)), 0, None)

    def log(self, trial: str, point: Point, nth: int) -> None:
        """One event per figure, at the point's own position."""
        writer = self._writers[trial]
        for name, value in point.scalars.items():
            _add(writer, scalar_pb(name, value), point.at, point.seconds)
        for name, values in point.histograms.items():
            _add(writer, histogram_pb(name, values), point.at, point.seconds)
        for name, table in point.tables.items():
            _add(writer, text_pb(name, markdown(table)), point.at, point.seconds)

    def flush(self) -> None:
        """To disk; and notes how long the files are."""
        for trial, writer in self._writers.items():
            writer.flush()
            self._note(trial)

    def _note(self, trial: str) -> None:
        files = self._folders[trial].glob("events.out.tfevents.*")
        self._sizes[trial] = {file.name: file.stat().st_size for file in files}

    def end(self, trial: str, outcome: Outcome) -> None:
        """Closes the trial's file."""
        self._writers.pop(trial).close()
        self._note(trial)

    def close(self) -> None:
        """Closes every file."""
        for trial in list(self._writers):
            self.end(trial, "done")

    def kept(self) -> dict[str, Any]:
        """Trial → event file → bytes."""
        return self._sizes


def _cut(folder: Path, sizes: dict[str, int]) -> None:
    """Takes back what was written after the cursor; files of others have no name there."""
    if not sizes:
        return
    for file in folder.glob("events.out.tfevents.*"):
        size = sizes.get(file.name)
        if size is None:
            file.unlink()
        elif file.stat().st_size > size:
            with file.open("r+b") as stream:
                stream.truncate(size)


def _add(writer: EventFileWriter, summary: Any, step: int, seconds: float | None) -> None:
    event = Event(step=step, summary=summary)
    if seconds is not None:
        event.wall_time = seconds
    writer.add_event(event)
