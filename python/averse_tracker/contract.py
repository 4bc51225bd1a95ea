"""What is sent to a tracker, and what a tracker's library has to be able to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Outcome = Literal["done", "failed"]


@dataclass(frozen=True)
class Settings:
    """Of one tracker, as the experiment or the command line gives them."""

    name: str
    project: str | None = None
    """Null: the experiment's name."""
    run_name: str | None = None
    """Before the trial's name; null: the run folder's name."""
    tags: tuple[str, ...] = ()
    offline: bool = False
    dir: str | None = None
    """Folder of its files; null: in the run folder, or where the library itself keeps them."""
    uri: str | None = None
    """Of an MLflow server or database."""
    show_text: bool = False
    """Prompts and completions stand in the tables."""
    timeout: float = 120.0
    """Seconds without an answer after which the tracker is given up."""


@dataclass(frozen=True)
class TrialRun:
    """What is known of a trial when its run in the tracker begins."""

    trial: str
    arm: str
    group: str
    """The run folder's name: all trials of one experiment."""
    title: str
    project: str
    key: str
    """The same for the same trial, tracker and place, whoever sends."""
    config: Mapping[str, Any]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of figures, and of texts where these are shown."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str | float | int | None]]


@dataclass(frozen=True)
class Point:
    """Figures of one moment of a trial."""

    axis: str
    """What `at` counts: `iteration`, or `sft/step`."""
    at: int
    seconds: float
    """Since 1970."""
    scalars: Mapping[str, float]
    histograms: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


class Tracker(Protocol):
    """A tracker's library. Whatever it raises ends the sending and never the run."""

    def begin(self, run: TrialRun, sent: int) -> None:
        """Opens a trial's run, or opens it again after `sent` points."""

    def log(self, trial: str, point: Point, nth: int) -> None:
        """Takes one point; `nth`: how many of this trial were sent before it."""

    def flush(self) -> None:
        """What was logged is on disk, or with whoever sends it."""

    def end(self, trial: str, outcome: Outcome) -> None:
        """The trial is over."""

    def close(self) -> None:
        """All runs are closed; trials that are not over can be opened again later."""

    def kept(self) -> dict[str, Any]:
        """What the library has to know when it goes on, for the cursor; after `flush`."""

    @property
    def place(self) -> str:
        """Where to look, in words for people."""


@dataclass(frozen=True)
class Place:
    """Where a tracker may keep files, and what an earlier process kept in the cursor."""

    folder: Path
    kept: Mapping[str, Any]


class AbsentError(Exception):
    """The tracker's library is not installed."""
