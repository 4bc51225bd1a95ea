"""MLflow: an experiment per project, a run per trial.

A metric is known by its name, step, time and value, which all come from the journal; a database
takes the same one once.
"""

import json
import os
import re
from pathlib import Path
from typing import Any, Final

import numpy as np

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before the library is imported
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from averse_tracker.contract import Outcome, Place, Point, Settings, TrialRun
from averse_tracker.points import flat
from averse_tracker.table_text import markdown

KEY: Final = "averse.key"
LARGEST_BATCH: Final = 1000
"""Metrics of one request, MLflow's own limit."""
MOST_PARAMS: Final = 100
LONGEST_PARAM: Final = 500
"""Characters; what every MLflow server takes."""
MADE: Final = "mlflow.db.made"
"""Lies beside a database that has all its tables."""
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""MLflow has no histograms."""


class MLflow:
    """A client of a server, or of a database in the run folder."""

    def __init__(self, settings: Settings, place: Place) -> None:
        given = settings.uri or (
            None if settings.offline else os.environ.get("MLFLOW_TRACKING_URI")
        )
        folder = place.folder if settings.dir is None else Path(settings.dir)
        is_own = given is None
        if is_own:
            folder.mkdir(parents=True, exist_ok=True)
            if settings.dir is None:
                _remove_unfinished(folder)
        self._artifacts = (folder / "artifacts").resolve().as_uri() if is_own else None
        self._uri = given or f"sqlite:///{(folder / 'mlflow.db').resolve()}"
        self._client = MlflowClient(tracking_uri=self._uri)
        self._client.search_experiments(max_results=1)
        if is_own:
            (folder / MADE).touch()
        self._runs: dict[str, str] = {}
        self._waiting: dict[str, list[Metric]] = {}

    @property
    def place(self) -> str:
        """The address, which `mlflow ui` takes where it is a database."""
        if self._uri.startswith("sqlite:"):
            return f"mlflow ui --backend-store-uri {self._uri}"
        return re.sub(r"//[^/@]*@", "//", self._uri)

    def begin(self, run: TrialRun, sent: int) -> None:
        """Finds the trial's run by its key, or makes it."""
        experiment = self._experiment(run.project)
        found = self._client.search_runs([experiment], f"tags.`{KEY}` = '{run.key}'", max_results=1)
        if found:
            self._runs[run.trial] = found[0].info.run_id
            self._client.update_run(self._runs[run.trial], status="RUNNING")
            return
        tags = {
            KEY: run.key,
            "averse.run": run.group,
            "averse.trial": run.trial,
            **{f"tag.{_name(tag)}": "true" for tag in run.tags},
        }
        made = self._client.create_run(experiment, run_name=run.title, tags=tags)
        identity = made.info.run_id
        self._runs[run.trial] = identity
        params = [
            Param(_name(name), str(value)[:LONGEST_PARAM])
            for name, value in flat(run.config).items()
        ]
        for at in range(0, len(params), MOST_PARAMS):
            self._client.log_batch(identity, params=params[at : at + MOST_PARAMS])
        self._client.log_text(identity, json.dumps(run.config, indent=2), "config.json")

    def _experiment(self, project: str) -> str:
        found = self._client.get_experiment_by_name(project)
        if found is not None:
            return str(found.experiment_id)
        made = self._client.create_experiment(project, artifact_location=self._artifacts)
        return str(made)

    def log(self, trial: str, point: Point, nth: int) -> None:
        """Metrics wait for the next flush; tables are files beside the run."""
        moment = round(point.seconds * 1000)
        figures = dict(point.scalars)
        for name, values in point.histograms.items():
            for level in QUANTILES:
                figures[f"{name}_p{round(100 * level):02d}"] = float(np.quantile(values, level))
        waiting = self._waiting.setdefault(trial, [])
        waiting += [Metric(_name(name), value, moment, point.at) for name, value in figures.items()]
        for name, table in point.tables.items():
            file = f"tables/{_name(name)}/{point.at:06d}.md"
            self._client.log_text(self._runs[trial], markdown(table), file)

    def flush(self) -> None:
        """Sends what waits."""
        for trial, metrics in self._waiting.items():
            for at in range(0, len(metrics), LARGEST_BATCH):
                batch = metrics[at : at + LARGEST_BATCH]
                self._client.log_batch(self._runs[trial], metrics=batch)
        self._waiting.clear()

    def end(self, trial: str, outcome: Outcome) -> None:
        """Ends the run, as failed where the trial has."""
        self.flush()
        status = "FINISHED" if outcome == "done" else "FAILED"
        self._client.set_terminated(self._runs.pop(trial), status=status)

    def close(self) -> None:
        """What is not over is marked as stopped; `begin` takes it up again."""
        self.flush()
        for identity in self._runs.values():
            tags = [RunTag("averse.state", "stopped")]
            self._client.log_batch(identity, tags=tags)
            self._client.set_terminated(identity, status="KILLED")
        self._runs.clear()

    def kept(self) -> dict[str, Any]:
        """Nothing: runs are found by their key."""
        return {}


def _remove_unfinished(folder: Path) -> None:
    """A database that a process left half made, which no MLflow can open; only in a run folder."""
    if not (folder / MADE).exists():
        (folder / "mlflow.db").unlink(missing_ok=True)


def _name(text: str) -> str:
    """Of characters that MLflow takes."""
    return re.sub(r"[^\w./ :-]", "_", text)
