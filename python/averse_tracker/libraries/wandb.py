"""Weights & Biases: a run per trial, grouped by the run folder.

A run's id follows from the trial, and a point's step is its number in the trial. What a process
that died had sent beyond the cursor has a step that the server has already, and it keeps the first.
"""

from pathlib import Path
from typing import Any

import wandb

from averse_tracker.contract import Outcome, Place, Point, Settings, TrialRun


class WeightsAndBiases:
    """Runs of `wandb`, several at once."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        self._dir = Path(settings.dir) if settings.dir is not None else place.folder
        self._dir.mkdir(parents=True, exist_ok=True)
        self._runs: dict[str, Any] = {}
        self._url: str | None = None

    @property
    def place(self) -> str:
        """The project's page, or the folder that `wandb sync` takes."""
        if self._url is not None:
            return self._url
        return f"{self._dir / 'wandb'} (`wandb sync` uploads it)"

    def begin(self, run: TrialRun, sent: int) -> None:
        """Opens the run, or takes it up."""
        opened = wandb.init(
            project=run.project,
            name=run.title,
            group=run.group,
            job_type=run.arm,
            tags=list(run.tags) or None,
            id=run.key,
            resume="allow",
            reinit="create_new",
            dir=str(self._dir),
            mode="offline" if self._settings.offline else None,
            config=dict(run.config),
            save_code=False,
            settings=wandb.Settings(
                console="off",
                silent=True,
                disable_git=True,
                x_disable_stats=True,
                x_disable_meta=True,
                init_timeout=self._settings.timeout,
            ),
        )
        for axis, names in (
            ("iteration", ("train/*", "test*", "final*")),
            ("sft/step", ("sft/*",)),
        ):
            opened.define_metric(axis, hidden=True)
            for name in names:
                opened.define_metric(name, step_metric=axis)
        self._url = opened.url or self._url
        self._runs[run.trial] = opened

    def log(self, trial: str, point: Point, nth: int) -> None:
        """One row of the run's history."""
        row: dict[str, Any] = {point.axis: point.at, **point.scalars}
        for name, values in point.histograms.items():
            row[name] = wandb.Histogram(values.tolist())
        for name, table in point.tables.items():
            rows = [list(one) for one in table.rows]
            row[name] = wandb.Table(columns=list(table.columns), data=rows, allow_mixed_types=True)
        self._runs[trial].log(row, step=nth)

    def flush(self) -> None:
        """Rows are with wandb's own process, which outlives this one."""

    def end(self, trial: str, outcome: Outcome) -> None:
        """Finishes the run, as failed where the trial has."""
        self._runs.pop(trial).finish(exit_code=0 if outcome == "done" else 1)

    def close(self) -> None:
        """Finishes what is open; it can be taken up again."""
        for trial in list(self._runs):
            self.end(trial, "done")

    def kept(self) -> dict[str, Any]:
        """Nothing: the id says it."""
        return {}
