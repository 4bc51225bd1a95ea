"""Each tracker's own library, offline and for real: what was sent is read back as its users would.

A library that is not installed is skipped; `pip install averse-worker[trackers]` has them all.
"""

import importlib.util
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from run_folders import WHOLE, add_events, finished, step, write_run

from averse_tracker.contract import Place, Settings, Tracker
from averse_tracker.cursor import Cursor, read_cursor
from averse_tracker.libraries.registry import open_tracker
from averse_tracker.sender import Sender


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes into the user's own folders, or anywhere else."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)


def needs(module: str) -> None:
    """Skips; it does not import: trackio reads its folder from the environment when it is."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


def send(run: Path, settings: Settings, cursor: Cursor | None = None) -> Tracker:
    """Everything that the journal has, by a new process as it were."""
    folder = run / "trackers" / settings.name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cursor.json"
    cursor = cursor or read_cursor(file)
    tracker = open_tracker(settings, Place(folder, cursor.kept))
    manifest = json.loads((run / "manifest.json").read_text())
    sender = Sender(run, manifest, settings, tracker, cursor, file, "key", nullcontext)
    sender.send_new()
    sender.close()
    return tracker


def send_twice(run: Path, settings: Settings) -> Tracker:
    """By three processes; the last does not know of what the second has sent: it was killed."""
    send(run, settings)
    file = run / "trackers" / settings.name / "cursor.json"
    known = file.read_text()
    add_events(run, [step(3), step(4), finished()])
    send(run, settings)
    file.write_text(known)
    return send(run, settings)


def test_tensorboard_has_every_figure_once(tmp_path: Path) -> None:
    needs("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = write_run(tmp_path / "tails", [step(1), step(2)])
    send_twice(run, Settings("tensorboard", tags=("night",)))
    accumulated = EventAccumulator(str(run / "trackers/tensorboard/ra-rlhf-s0"))
    accumulated.Reload()

    def steps(tag: str) -> list[int]:
        return [event.step for event in accumulated.Tensors(tag)]

    assert steps("train/reward_mean") == [1, 2, 3, 4]
    values = [one.tensor_proto.float_val[0] for one in accumulated.Tensors("train/reward_mean")]
    assert values == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert steps("train/returns") == [1, 2, 3, 4]
    assert steps("train/tail") == [2, 4]
    assert steps("tags") == [0]
    config = accumulated.Tensors("config")[0].tensor_proto.string_val[0].decode()
    assert '"arm": "ra-rlhf"' in config


def test_tensorboard_folders_of_several_runs_lie_side_by_side(tmp_path: Path) -> None:
    needs("tensorboard")
    run = write_run(tmp_path / "tails-12ab", WHOLE)
    tracker = send(run, Settings("tensorboard", dir=str(tmp_path / "all")))
    names = sorted(folder.name for folder in (tmp_path / "all").iterdir())
    assert names == ["tails-12ab-ra-rlhf-s0", "tails-12ab-rlhf-s0"]
    assert tracker.place == f"tensorboard --logdir {tmp_path / 'all'}"


def test_mlflow_has_every_figure_once(tmp_path: Path) -> None:
    needs("mlflow")
    needs("sqlalchemy")
    from mlflow import MlflowClient

    run = write_run(tmp_path / "tails", [step(1), step(2)])
    send_twice(run, Settings("mlflow", project="papers"))
    client = MlflowClient(tracking_uri=f"sqlite:///{run}/trackers/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("papers")
    assert experiment is not None
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.data.tags["averse.run"] == "tails"
    assert found.data.params["risk.alpha"] == "0.2"
    assert found.info.status == "FINISHED"
    history = client.get_metric_history(found.info.run_id, "train/reward_mean")
    assert sorted((one.step, one.value) for one in history) == [
        (1, 0.1),
        (2, 0.2),
        (3, 0.3),
        (4, 0.4),
    ]
    assert "train/returns_p05" in found.data.metrics
    tables = [one.path for one in client.list_artifacts(found.info.run_id, "tables/train/tail")]
    assert tables == ["tables/train/tail/000002.md", "tables/train/tail/000004.md"]


def test_mlflow_makes_a_database_again_that_was_left_half_made(tmp_path: Path) -> None:
    needs("mlflow")
    needs("sqlalchemy")
    run = write_run(tmp_path / "tails", [step(1)])
    folder = run / "trackers/mlflow"
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / "mlflow.db") as database:
        database.execute("create table experiments (half text)")
    database.close()
    assert "mlflow.db" in send(run, Settings("mlflow")).place


def test_wandb_writes_a_folder_that_can_be_uploaded(tmp_path: Path) -> None:
    needs("wandb")
    run = write_run(tmp_path / "tails", [step(1), step(2)])
    tracker = send(run, Settings("wandb", offline=True, tags=("night",)))
    assert "wandb sync" in tracker.place
    (file,) = (run / "trackers/wandb/wandb").glob("offline-run-*/*.wandb")
    history, told = wandb_records(file)
    assert [row["iteration"] for row in history] == [1, 2]
    assert [row["train/reward_mean"] for row in history] == [0.1, 0.2]
    assert history[0]["train/returns/_type"] == "histogram"
    assert history[1]["train/tail/_type"] == "table-file"
    assert (told.project, told.run_group, told.job_type) == ("tails", "tails", "ra-rlhf")
    assert list(told.tags) == ["night"]


def wandb_records(file: Path) -> tuple[list[dict[str, Any]], Any]:
    """Rows of the history, and the run's own record, of an offline folder."""
    from wandb.proto.wandb_internal_pb2 import Record

    rows: list[dict[str, Any]] = []
    told: Any = None
    for data in log_records(file.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        if record.HasField("run"):
            told = record.run
        if record.HasField("history"):
            items = record.history.item
            row = {one.key or "/".join(one.nested_key): json.loads(one.value_json) for one in items}
            rows.append(row)
    return rows, told


def log_records(data: bytes) -> Iterator[bytes]:
    """Of a file in LevelDB's log format, which W&B's library writes and `wandb sync` reads."""
    block, at, parts = 32768, 7, b""
    while at + 7 <= len(data):
        if block - at % block < 7:
            at += block - at % block
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def test_trackio_has_every_figure_once(tmp_path: Path) -> None:
    needs("trackio")
    run = write_run(tmp_path / "tails", [step(1), step(2)])
    send_twice(run, Settings("trackio", dir=str(tmp_path / "trackio")))
    (file,) = (tmp_path / "trackio").rglob("tails.db")
    with sqlite3.connect(file) as database:
        rows = [json.loads(text) for (text,) in database.execute("select metrics from metrics")]
    database.close()
    counts = Counter(row["iteration"] for row in rows)
    assert counts == {1: 1, 2: 1, 3: 1, 4: 1}
    assert rows[0]["train/returns"]["_type"] == "trackio.histogram"
