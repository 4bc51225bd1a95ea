"""What is refused because of what came before, in the words that every engine uses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from averse_worker.engine.contract import Engine
from averse_worker.engine.readiness import require_ema, require_loaded, require_rollout
from averse_worker.wire.errors import InputError, ProtocolError
from averse_worker.wire.messages.training import (
    ExportPayload,
    RestorePayload,
    SavePayload,
)
from conftest import Subject
from payloads import (
    evaluate_payload,
    rollout_payload,
    sft_payload,
    texts_payload,
    update_payload,
)


def quiet(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


def calls(engine: Engine, folder: Path) -> dict[str, Callable[[], Any]]:
    """Every command that needs a `load`, ready to be called."""
    sft = sft_payload(seed=1, steps=1, batch=1, learning_rate=1e-3, max_tokens=4)
    export = ExportPayload(path=str(folder), weights="ema")
    return {
        "sft": lambda: engine.sft(sft, quiet),
        "rollout": lambda: engine.rollout(rollout_payload([0]), quiet),
        "update": lambda: engine.update(update_payload(1, [1.0]), quiet),
        "texts": lambda: engine.texts(texts_payload(1, [0]), quiet),
        "evaluate": lambda: engine.evaluate(evaluate_payload([0]), quiet),
        "save": lambda: engine.save(SavePayload(path=str(folder)), quiet),
        "restore": lambda: engine.restore(RestorePayload(path=str(folder)), quiet),
        "export": lambda: engine.export(export, quiet),
    }


def test_every_command_but_load_needs_a_load(engine_factory: Subject, tmp_path: Path) -> None:
    for name, call in calls(engine_factory.make(), tmp_path).items():
        with pytest.raises(ProtocolError) as caught:
            call()
        assert caught.value.message == f"`{name}` arrived before `load`; send `load` first"
    assert not list(tmp_path.iterdir())


def test_what_there_is_comes_back() -> None:
    held = object()
    assert require_loaded(held, "sft") is held
    assert require_rollout(held, 3, asked=3, command="update") is held
    assert require_ema(held) is held


@pytest.mark.parametrize(
    ("episodes", "asked", "holds"),
    [("episodes", 2, "holds 3"), ("episodes", 4, "holds 3"), (None, 3, "holds none")],
)
def test_only_the_last_rollout_while_it_is_held(
    episodes: str | None, asked: int, holds: str
) -> None:
    with pytest.raises(
        ProtocolError, match=f"`texts` is for rollout {asked}, but this engine {holds};"
    ):
        require_rollout(episodes, 3, asked=asked, command="texts")


def test_ema_weights_that_are_not_kept_names_the_setting() -> None:
    with pytest.raises(InputError, match=r"set it above 0 \(0\.8, for example\)") as caught:
        require_ema(None)
    assert caught.value.key == "training.ema_decay"
