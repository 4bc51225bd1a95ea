"""Trackio: a project in its local database, a run per trial.

A point's step is its number in the trial: a run that is taken up says which it has already, so that
none is there twice.
"""

import os
import warnings
from typing import Any, TextIO

from averse_tracker.contract import Outcome, Place, Point, Settings, TrialRun


class Trackio:
    """Runs of `trackio`, several at once."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._where = "" if settings.dir is None else f"TRACKIO_DIR={settings.dir} "
        if settings.dir is not None:
            # Read when the library is imported.
            os.environ["TRACKIO_DIR"] = settings.dir
        import trackio

        self._library = trackio
        self._told: dict[str, TrialRun] = {}
        self._open: dict[str, Any] = {}
        self._there: dict[str, int] = {}
        self._project = ""
        self._faults: list[str] = []
        # The library swallows its errors and warns, from threads of its own too.
        warnings.showwarning = self._take_warning

    def _take_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if "trackio" in str(message):
            self._faults.append(str(message))

    @property
    def place(self) -> str:
        """The command that shows the project."""
        return f"{self._where}trackio show --project {self._project}"

    def begin(self, run: TrialRun, sent: int) -> None:
        """Notes the run; it is opened with its first point."""
        self._told[run.trial] = run
        self._project = run.project
        self._run(run.trial)

    def _run(self, trial: str) -> Any:
        """The open run of a trial; after a flush it is taken up again."""
        if trial not in self._open:
            told = self._told[trial]
            opened = self._library.init(
                project=told.project,
                name=f"{told.title}-{told.key[:6]}",
                group=told.group,
                config={**told.config, "tags": list(told.tags)},
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            self._open[trial] = opened
            # Of a run that is taken up: one over the last step that its database has.
            self._there.setdefault(trial, int(getattr(opened, "_next_step", 0)))
        return self._open[trial]

    def log(self, trial: str, point: Point, nth: int) -> None:
        """One row of the run."""
        run = self._run(trial)
        if nth < self._there[trial]:
            return
        library = self._library
        row: dict[str, Any] = {point.axis: point.at, **point.scalars}
        for name, values in point.histograms.items():
            row[name] = library.Histogram(values.tolist())
        for name, table in point.tables.items():
            rows = [list(one) for one in table.rows]
            row[name] = library.Table(columns=list(table.columns), data=rows)
        run.log(row, step=nth)

    def flush(self) -> None:
        """Only the end of a run waits until its rows are in the database.

        Raises:
            RuntimeError: the library could not write, in its own words.
        """
        for run in self._open.values():
            run.finish()
        self._open.clear()
        if self._faults:
            raise RuntimeError(self._faults[0])

    def end(self, trial: str, outcome: Outcome) -> None:
        """Trackio knows no outcomes."""
        self.flush()

    def close(self) -> None:
        """Writes what is open."""
        self.flush()

    def kept(self) -> dict[str, Any]:
        """Nothing: the database says it."""
        return {}
