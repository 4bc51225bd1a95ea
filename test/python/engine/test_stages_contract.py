"""What every engine with stages promises, run on each one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from averse_worker.engine.contract import Engine
from averse_worker.engine.registry import ENGINES, build_engine
from averse_worker.wire.errors import Interrupted, WorkerError
from averse_worker.wire.messages.base import Message
from averse_worker.wire.messages.stages import TrainStageResult
from payloads import STAGE, data_source, load_payload, rollout_payload, stage_payload

pytestmark = pytest.mark.filterwarnings("ignore")

WITH_STAGES = [name for name, facts in ENGINES.items() if facts.capabilities.stages]


@pytest.fixture(params=WITH_STAGES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return build_engine(request.param)


@pytest.fixture
def options(engine: Engine, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Of a load."""
    if engine.name != "vllm":
        return {}
    return {"url": request.getfixturevalue("vllm_server").url}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_models import write_data

    return write_data(tmp_path_factory.mktemp("rows"))


@pytest.fixture(autouse=True)
def small(engine: Engine, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model and data that an engine with real models is done with in a second."""
    if engine.name == "fake":
        return
    shape = {"layers": 1, "width": 16, "heads": 1, "context": 32, "vocabulary": 300}
    monkeypatch.setitem(STAGE, "base", {"kind": "architecture", "family": "gpt2", **shape})
    monkeypatch.setitem(STAGE, "data", data_source(str(rows)))
    monkeypatch.setitem(STAGE, "options", STAGE["options"] | {"learning_rate": 1e-2})


def quiet(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


def trained(engine: Engine, folder: Path, **changes: Any) -> TrainStageResult:
    folder.mkdir()
    return engine.train_stage(stage_payload(folder, **changes), quiet)


def unclocked(result: Message) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(result).items() if name != "seconds"}


def error_of(call: Callable[[], Any]) -> WorkerError:
    with pytest.raises(WorkerError) as caught:
        call()
    return caught.value


def test_the_digest_follows_everything_but_the_name(engine: Engine) -> None:
    def digest(**changes: Any) -> str:
        return engine.describe_stage(stage_payload(**changes), quiet).digest

    one = digest()
    assert len(bytes.fromhex(one)) == 32
    assert digest(name="other") == one
    others = [digest(kind="classifier"), digest(options__steps=11), digest(options__batch=5)]
    assert len({one, *others}) == 4


def test_a_stage_is_a_function_of_its_payload(engine: Engine, tmp_path: Path) -> None:
    one = trained(engine, tmp_path / "one")
    again = trained(engine, tmp_path / "again")
    other = trained(engine, tmp_path / "other", seed=6)
    assert unclocked(one) == unclocked(again)
    assert one.files != other.files
    assert sorted(one.files) == sorted(path.name for path in (tmp_path / "one").iterdir())
    described = engine.describe_stage(stage_payload(), quiet)
    assert described.digests == one.digests


def test_figures_are_declared_and_the_curve_goes_down(engine: Engine, tmp_path: Path) -> None:
    declared = ENGINES[engine.name].figures.stage
    for kind in ("language_model", "classifier"):
        result = trained(engine, tmp_path / kind, kind=kind, options__steps=40)
        assert result.figures.keys() <= declared.keys()
        assert 1 < len(result.curve) <= 500
        steps = [point.step for point in result.curve]
        assert steps == sorted(set(steps))
        assert steps[-1] == 40
        assert result.curve[-1].loss < result.curve[0].loss
        assert all(np.isfinite(value) for value in result.figures.values())


def test_load_takes_what_a_stage_wrote_and_is_needed_after_it(
    engine: Engine, options: dict[str, Any], tmp_path: Path
) -> None:
    policy, reward = tmp_path / "policy", tmp_path / "reward"
    engine.load(load_payload(engine_options=options), quiet)
    written = trained(engine, policy)
    assert error_of(lambda: engine.rollout(rollout_payload([0]), quiet)).kind == "protocol"
    trained(engine, reward, kind="classifier")
    scorer = {
        "kind": "classifier",
        "model": str(reward),
        "revision": None,
        "trust_remote_code": False,
        "labels": [],
        "output": "logit",
        "text": "whole",
        "sign": 1,
        "timeout_seconds": 0,
    }
    payload = load_payload(
        policy__model=str(policy), rewards__0__scorer=scorer, engine_options=options
    )
    loaded = engine.load(payload, quiet)
    assert loaded.digests.policy == written.files


def test_records_beside_a_model_are_no_part_of_it(
    engine: Engine, options: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "base"
    written = trained(engine, folder)
    base = {"kind": "model", "model": str(folder), "revision": None, "trust_remote_code": False}

    def facts() -> tuple[Any, ...]:
        described = engine.describe_stage(stage_payload(base=base), quiet)
        loaded = engine.load(load_payload(policy__model=str(folder), engine_options=options), quiet)
        return described.digest, described.digests.base, loaded.digests.policy

    before = facts()
    assert before[1:] == (written.files, written.files)
    for name in ("artifact.json", "digests.json"):
        (folder / name).write_text("{}", encoding="utf-8")
    assert facts() == before


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("stages.mine.steps", {"options__epochs": 1}),
        ("stages.mine.batch", {"options__batch": 0}),
        ("stages.mine.base", {"base": {**STAGE["base"], "model": "/no/such/folder"}}),
        ("stages.mine.data", {"data": data_source("/no/such/folder")}),
    ],
)
def test_a_stage_that_cannot_work_names_the_key(
    engine: Engine, tmp_path: Path, key: str, changes: dict[str, Any]
) -> None:
    error = error_of(lambda: engine.describe_stage(stage_payload(**changes), quiet))
    assert error.kind == "input"
    assert str(error.key).startswith(key)
    error = error_of(lambda: trained(engine, tmp_path / "folder", **changes))
    assert error.kind == "input"
    assert str(error.key).startswith(key)


def test_a_stage_can_be_interrupted(engine: Engine, tmp_path: Path) -> None:
    def interrupt(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
        if phase == "stage" and done > 0:
            raise Interrupted("on request")

    tmp_path.joinpath("folder").mkdir()
    payload = stage_payload(tmp_path / "folder", options__steps=1000)
    assert error_of(lambda: engine.train_stage(payload, interrupt)).kind == "interrupted"
