"""From the journal's events to what a tracker gets: scalars, histograms and tables.

Figures keep the journal's names: a number `kl_mean` of an iteration is `train/kl_mean`, a number
inside `seconds` is `train/seconds/rollout`. So whatever an iteration reports is sent, and
docs/journal.md says what it means.
"""

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from averse_tracker.contract import Point, Table

ROWS: Final = 16
"""Of a table."""

UNSENT: Final = frozenset(
    {"seq", "time", "trial", "type", "step", "checksum", "episodes", "memory", "arrays", "samples"}
)
"""Of an event: its stamp, its position, and arrays."""


@dataclass(frozen=True)
class Sent:
    """One point and its kind: of each kind the positions of a trial only rise."""

    kind: str
    point: Point


class PointReader:
    """Reads points out of events, with the files of the run folder that they name."""

    def __init__(self, run: Path, config: Mapping[str, Any], show_text: bool) -> None:
        self._run = run
        self._show_text = show_text
        self._table_every = int(config.get("evaluation", {}).get("every") or 0)
        self._arms: Mapping[str, Any] = config.get("arms", {})

    def points(self, event: Mapping[str, Any]) -> Iterator[Sent]:
        """None for events that have no figures."""
        seconds = datetime.fromisoformat(event["time"]).timestamp()
        match event["type"]:
            case "sft_finished":
                yield from _loss_curve(event["curve"], seconds)
            case "step":
                yield Sent("train", self._iteration(event, seconds))
            case "evaluated":
                point = self._evaluation(event, seconds)
                suffix = "" if event["weights"] == "current" else f"-{event['weights']}"
                yield Sent(f"test{suffix}", _under(f"test{suffix}", point))
                if event["final"]:
                    final = Point(point.axis, point.at, point.seconds, point.scalars)
                    yield Sent(f"final{suffix}", _under(f"final{suffix}", final))

    def _iteration(self, event: Mapping[str, Any], seconds: float) -> Point:
        done = event["step"] + 1
        point = Point("iteration", done, seconds, dict(_numbers("train", event)))
        episodes = self._episodes(event["episodes"])
        if episodes is None:
            return point
        returns = _finite(episodes["return"])
        histograms = {"train/returns": returns} if len(returns) > 0 else {}
        wanted = self._wants_table(event["trial"], done)
        tables = {"train/tail": self._tail(event, episodes)} if wanted else {}
        return Point(point.axis, done, seconds, point.scalars, histograms, tables)

    def _wants_table(self, trial: str, done: int) -> bool:
        """With each evaluation along the way, and after the last iteration."""
        arm = self._arms.get(arm_of(trial), {})
        last = arm.get("training", {}).get("iterations")
        return done == last or (self._table_every > 0 and done % self._table_every == 0)

    def _tail(self, event: Mapping[str, Any], episodes: Mapping[str, Sequence[Any]]) -> Table:
        """The lowest returns of an iteration."""
        texts: dict[int, Mapping[str, str]] = {}
        if self._show_text:
            name = f"step-{event['step']:06d}.jsonl"
            kept = self._run / "trials" / event["trial"] / "texts" / name
            texts = {line["episode"]: line for line in _json_lines(kept)}
        returns = episodes["return"]
        worst = _lowest(returns)
        columns = ("episode", "prompt_id", "return", "reward", "kl", "tokens")
        rows: list[list[str | float | int | None]] = [
            [
                at,
                episodes["prompt"][at],
                returns[at],
                episodes["reward"][at],
                episodes["kl"][at],
                episodes["length"][at],
                *(_texts_of(texts.get(at)) if self._show_text else ()),
            ]
            for at in worst
        ]
        return Table((*columns, *_TEXT_COLUMNS) if self._show_text else columns, rows)

    def _evaluation(self, event: Mapping[str, Any], seconds: float) -> Point:
        arrays = event["arrays"]
        rewards = _finite(arrays["reward"])
        columns = ("prompt_id", "prompt_score", "reward", "judge", "kl", "tokens")
        rows: list[list[str | float | int | None]] = [
            [
                arrays["prompt"][at],
                arrays["prompt_score"][at],
                arrays["reward"][at],
                None if arrays["judge"] is None else arrays["judge"][at],
                arrays["kl"][at],
                arrays["length"][at],
            ]
            for at in _lowest(arrays["reward"])
        ]
        scalars = {**event["metrics"], "failed": event["failed"], "compute": event["compute"]}
        return Point(
            "iteration",
            event["step"],
            seconds,
            {name: float(value) for name, value in scalars.items()},
            {"rewards": rewards} if len(rewards) > 0 else {},
            {"tail": Table(columns, rows), **self._samples(event)},
        )

    def _samples(self, event: Mapping[str, Any]) -> dict[str, Table]:
        """Texts that an evaluation kept for reading."""
        if not self._show_text or event["samples"] is None:
            return {}
        lines = _json_lines(self._run / event["samples"])
        rows = [[one["prompt"], one["reward"], one["text"], one["completion"]] for one in lines]
        return {"samples": Table(("prompt_id", "reward", *_TEXT_COLUMNS), rows)} if rows else {}

    def _episodes(self, episodes: Mapping[str, Any]) -> Mapping[str, Sequence[Any]] | None:
        """Arrays of the event, or of the file that it names; None: that file is gone."""
        if "file" not in episodes:
            return episodes
        path = self._run / episodes["file"]
        return _episodes_file(path.read_bytes()) if path.exists() else None


_TEXT_COLUMNS: Final = ("prompt", "completion")


def arm_of(trial: str) -> str:
    """`ra-rlhf-s0` → `ra-rlhf`."""
    return trial.rpartition("-s")[0]


def trial_config(config: Mapping[str, Any], trial: str) -> dict[str, Any]:
    """The experiment as one trial has it: its arm's sections in the place of the shared ones."""
    arm = arm_of(trial)
    shared = {name: value for name, value in config.items() if name not in ("arms", "seeds")}
    own = config.get("arms", {}).get(arm, {})
    return {**shared, **own, "arm": arm, "seed": int(trial.rpartition("-s")[2])}


def flat(config: Mapping[str, Any]) -> dict[str, str | float | int | bool]:
    """`{"risk": {"alpha": 0.2}}` → `{"risk.alpha": 0.2}`; lists as JSON, null as a word."""
    found: dict[str, str | float | int | bool] = {}

    def take(name: str, value: object) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                take(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(value, (str, float, int, bool)):
            found[name] = value
        else:
            found[name] = json.dumps(value)

    take("", config)
    return found


def _loss_curve(curve: Sequence[Mapping[str, Any]], seconds: float) -> Iterator[Sent]:
    for point in curve:
        scalars = {
            f"sft/{name}": float(point[name])
            for name in ("loss", "held_out", "learning_rate")
            if point[name] is not None
        }
        yield Sent("sft", Point("sft/step", point["step"], seconds, scalars))


def _under(prefix: str, point: Point) -> Point:
    return Point(
        point.axis,
        point.at,
        point.seconds,
        {f"{prefix}/{name}": value for name, value in point.scalars.items()},
        {f"{prefix}/{name}": values for name, values in point.histograms.items()},
        {f"{prefix}/{name}": table for name, table in point.tables.items()},
    )


def _numbers(prefix: str, value: object) -> Iterator[tuple[str, float]]:
    """Every finite number in it under its path; text, flags and null are no figures."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in UNSENT:
                yield from _numbers(f"{prefix}/{key}" if prefix else str(key), inner)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _numbers(f"{prefix}/{at}", inner)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        yield prefix, float(value)


def _finite(values: Sequence[float | None]) -> NDArray[np.float64]:
    array = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    return array[np.isfinite(array)]


def _lowest(values: Sequence[float | None]) -> list[int]:
    known = [(value, at) for at, value in enumerate(values) if value is not None]
    return [at for _, at in sorted(known)[:ROWS]]


def _texts_of(line: Mapping[str, str] | None) -> tuple[str | None, str | None]:
    return (None, None) if line is None else (line.get("prompt"), line.get("completion"))


def _json_lines(path: Path) -> list[Any]:
    """Empty where the file is gone: its texts are for reading alone."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


_EPISODE_ARRAYS: Final = (
    ("prompt", "<u4"),
    ("reward", "<f4"),
    ("kl", "<f4"),
    ("return", "<f4"),
    ("length", "<u4"),
)
"""The first arrays of an episodes file, in its order (docs/journal.md)."""


def _episodes_file(data: bytes) -> Mapping[str, Sequence[Any]]:
    magic, version, count = struct.unpack_from("<3I", data)
    if magic != 0x50455641 or version not in (1, 2):
        raise ValueError("an episodes file of the run folder is not of a version known here")
    at = 12
    if version == 2:
        (length,) = struct.unpack_from("<I", data, at)
        at += 4 + length
    arrays: dict[str, Sequence[Any]] = {}
    for name, kind in _EPISODE_ARRAYS:
        values = np.frombuffer(data, dtype=kind, count=count, offset=at).tolist()
        arrays[name] = [value if math.isfinite(value) else None for value in values]
        at += 4 * count
    return arrays
