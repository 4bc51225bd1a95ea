"""Fixtures that more than one file uses."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from averse_worker.engine.contract import Engine
from averse_worker.engine.registry import ENGINES, build_engine
from averse_worker.wire.messages.load import LoadPayload
from payloads import data_source, load_payload
from wire_controller import WireController

if TYPE_CHECKING:
    from vllm_server import VllmServer

# The same cases in every run, and none that fails because the machine is busy; the long form
# looks for new ones.
settings.register_profile("averse", deadline=None, derandomize="AVERSE_LONG" not in os.environ)
settings.load_profile("averse")


@dataclass(frozen=True)
class Subject:
    """An engine under contract: how to make a new one, and what to load into it."""

    name: str
    make: Callable[[], Engine]
    load: LoadPayload


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random GPT-2, made once per session."""
    # Imported here: the other suites run without torch.
    from tiny_models import write_language_model

    return write_language_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def torch_load(language_model: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadPayload:
    """A load of tiny random models for the torch engine."""
    from tiny_models import write_data

    return load_payload(
        policy__model=str(language_model),
        data__source=data_source(str(write_data(tmp_path_factory.mktemp("tiny") / "data"))),
    )


@pytest.fixture
def vllm_server(language_model: Path) -> Iterator["VllmServer"]:
    """A stand-in for `vllm serve` of that model."""
    from vllm_server import VllmServer

    server = VllmServer(language_model)
    yield server
    server.stop()


@pytest.fixture(params=ENGINES)
def engine_factory(request: pytest.FixtureRequest) -> Subject:
    """Each engine in turn, for the contract suite; those that lack what a test is marked to need
    (`@pytest.mark.needs("critic")`) are skipped."""
    name: str = request.param
    has = ENGINES[name].capabilities
    for marker in request.node.iter_markers("needs"):
        if lacking := [need for need in marker.args if not getattr(has, need)]:
            pytest.skip(f"the engine {name} has no {', '.join(lacking)}")
    load = load_payload() if name == "fake" else request.getfixturevalue("torch_load")
    if name == "vllm":
        server = request.getfixturevalue("vllm_server")
        load = load_payload(load, engine_options={"url": server.url})
    if not has.critic:
        load = load_payload(load, training__critic=False)
    return Subject(name, lambda: build_engine(name), load)


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[WireController]:
    """A bound ROUTER that starts real workers and leaves none behind."""
    with WireController(tmp_path) as controller:
        yield controller
