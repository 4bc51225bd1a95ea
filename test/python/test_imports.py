"""Who may import what, read from the import statements themselves."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

PACKAGE = Path(__file__).parents[2] / "python/averse_worker"

EDGES: Final[Mapping[str, frozenset[str]]] = {
    room: frozenset(others.split())
    for room, others in {
        "wire": "",
        "platform": "wire",
        "engine": "wire platform",
        "data": "wire platform engine",
        "models": "wire platform engine",
        "rewards": "wire platform engine data models",
        "rollout": "wire platform engine data models rewards",
        "training": "wire platform engine data models rollout",
        "store": "wire platform engine models rewards training",
        "evaluation": "wire platform engine data models rewards rollout store",
        "engine.fake": "wire platform engine",
        "engine.torch": (
            "wire platform engine data models rewards rollout training evaluation store"
        ),
        "engine.trl": (
            "wire platform engine data models rewards rollout training store engine.torch"
        ),
        "engine.vllm": "wire platform engine models rollout store engine.torch",
        "__main__": "wire engine",
        "__init__": "",
    }.items()
}
"""Rooms of the worker, lowest first, with those that each may import. An engine's implementation
is a room of its own: the contract lies below the parts, and the implementation above them."""

EXCEPTIONS: Final[Mapping[str, frozenset[str]]] = {
    # What the process holds of the host's memory is part of every pong; the file stands on nothing.
    "wire": frozenset({"platform.memory", "platform.device_errors"}),
    # Several processes are started before anything else; the file stands on the standard library.
    "__main__": frozenset({"platform.processes"}),
    # Every engine names failures, and measures how varied texts are, in the same way; none of these
    # files needs torch.
    "engine.fake": frozenset(
        {
            "rewards.contract",
            "evaluation.best_of",
            "evaluation.distinct",
            "evaluation.repetition",
            "evaluation.self_bleu",
        }
    ),
}
"""Single modules that a room may import beyond its edges, with the reason."""

TORCH: Final = frozenset(
    {"torch", "transformers", "tokenizers", "trl", "peft", "accelerate", "datasets"}
)
"""Packages that import torch or come with it, and torch."""

WITHOUT_TORCH: Final = frozenset({"wire", "engine", "engine.fake", "__main__", "__init__"})
"""Rooms of what runs before `load`, or beside any engine."""

RISK: Final = frozenset({"cvar", "quantile", "risk", "tail", "anneal", "annealing", "schedule"})
"""The controller's words, of which no name in the worker may be made."""

BANNED: Final = frozenset(
    {"util", "utils", "helper", "helpers", "common", "manager", "managers", "service", "services"}
)


@dataclass(frozen=True)
class Source:
    """One file: its dotted name inside the package (`wire.server`), and its text."""

    name: str
    text: str

    @property
    def room(self) -> str:
        return room_of(self.name)


def room_of(module: str) -> str:
    """`engine.torch.loaded` → `engine.torch`, `wire.messages.load` → `wire`."""
    parts = module.split(".")
    two = ".".join(parts[:2])
    return two if two in EDGES and len(parts) > 1 else parts[0]


def imports_of(source: Source) -> Iterator[str]:
    """Modules named in import statements and in `importlib.import_module`, dotted in full."""
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source.name}: a relative import hides what is imported"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


def ours(source: Source, known: frozenset[str]) -> set[str]:
    """Modules of the worker that a file imports."""
    found = set()
    for name in imports_of(source):
        if name.split(".")[0] != "averse_worker":
            continue
        inside = name.removeprefix("averse_worker").lstrip(".")
        # `from averse_worker.wire.errors import InputError` names a module and something in it.
        if inside not in known and inside.rpartition(".")[0] in known | {""}:
            inside = inside.rpartition(".")[0] or "__init__"
        found.add(inside)
    return found


def packages(source: Source) -> set[str]:
    return {name.split(".")[0] for name in imports_of(source)}


def wrong_edges(source: Source, known: frozenset[str]) -> list[str]:
    room = source.room
    allowed = EDGES[room] | {room, "__init__"}
    return [
        f"{source.name} imports {module}"
        for module in sorted(ours(source, known))
        if room_of(module) not in allowed and module not in EXCEPTIONS.get(room, ())
    ]


def wrong_packages(source: Source) -> list[str]:
    banned = TORCH if source.room in WITHOUT_TORCH else frozenset()
    if source.room != "wire":
        banned |= {"zmq"}
    return [f"{source.name} imports {name}" for name in sorted(packages(source) & banned)]


def risk_words(source: Source) -> list[str]:
    """Names in the code, not prose: identifiers, arguments, attributes, keywords, definitions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.text)):
        for field in ("id", "arg", "attr", "name"):
            if isinstance(name := getattr(node, field, None), str):
                names.add(name)
    return sorted(f"{source.name} speaks of {name}" for name in names if words_of(name) & RISK)


def words_of(name: str) -> set[str]:
    """`RiskMeasure`, `risk_measure` → risk, measure."""
    return {word.lower() for word in re.findall(r"[A-Z]*[a-z]+|[A-Z]+", name)}


SOURCES: Final = [
    Source(
        file.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."),
        file.read_text(encoding="utf-8"),
    )
    for file in sorted(PACKAGE.rglob("*.py"))
]
KNOWN: Final = frozenset(source.name for source in SOURCES)


def test_there_are_files_to_check_in_every_room() -> None:
    assert {source.room for source in SOURCES} == set(EDGES)


def test_rooms_import_only_along_their_edges() -> None:
    assert [fault for source in SOURCES for fault in wrong_edges(source, KNOWN)] == []


def test_edges_have_no_circles() -> None:
    done: set[str] = set()
    for room, below in EDGES.items():
        assert below <= done, f"{room} may import a room that is not below it"
        done.add(room)


def test_modules_have_no_circles() -> None:
    """Not within a room either; what is imported for types alone counts too."""
    graph = {source.name: ours(source, KNOWN) & KNOWN for source in SOURCES}
    while leaves := [name for name, needs in graph.items() if not needs - {name} & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert sorted(graph) == []


def test_torch_and_zmq_stay_in_their_rooms() -> None:
    assert [fault for source in SOURCES for fault in wrong_packages(source)] == []


def test_only_the_connection_imports_zmq() -> None:
    assert [s.name for s in SOURCES if "zmq" in packages(s)] == ["wire.connection"]


def test_what_rooms_without_torch_import_has_none_either() -> None:
    by_name = {source.name: source for source in SOURCES}
    seen: set[str] = set()
    waiting = [s.name for s in SOURCES if s.room in WITHOUT_TORCH]
    while waiting:
        name = waiting.pop()
        if name not in seen and name in by_name:
            seen.add(name)
            waiting += ours(by_name[name], KNOWN)
    assert [name for name in sorted(seen) if packages(by_name[name]) & TORCH] == []


def test_the_worker_knows_nothing_of_risk() -> None:
    assert [fault for source in SOURCES for fault in risk_words(source)] == []


def test_there_are_no_drawers_for_odds_and_ends() -> None:
    assert [s.name for s in SOURCES if BANNED & set(s.name.split("."))] == []


def test_packages_export_nothing_of_their_own() -> None:
    """No barrels: an import names the file that has it, and costs that file alone."""
    inner = [s for s in SOURCES if s.name.endswith(".__init__")]
    assert [s.name for s in inner if s.text.strip()] == []


def test_starting_up_imports_no_torch() -> None:
    """The statements say so; this says that nothing imports it by another way."""
    code = (
        "import sys; import averse_worker.__main__, averse_worker.engine.fake.engine; "
        f"print(sorted({set(TORCH)!r} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"


class TestRules:
    """The rules themselves, on examples that they must catch and examples that they must not."""

    KNOWN = frozenset(
        {"wire.errors", "wire.messages.load", "platform.memory", "platform.device", "models.load"}
        | {"engine.contract", "engine.torch.loaded", "rewards.contract", "store.checkpoint"}
    )

    @pytest.mark.parametrize(
        ("text", "module"),
        [
            ("import averse_worker.wire.errors", "wire.errors"),
            ("import averse_worker.wire.errors as e", "wire.errors"),
            ("from averse_worker.wire.errors import InputError", "wire.errors"),
            ("from averse_worker.wire import errors", "wire.errors"),
            ("from averse_worker.wire.messages import load", "wire.messages.load"),
            ("from averse_worker.wire.errors import (\n  A,\n  B,\n)", "wire.errors"),
            ("def f():\n    from averse_worker.wire.errors import A", "wire.errors"),
            ("if TYPE_CHECKING:\n    import averse_worker.wire.errors", "wire.errors"),
            ("from averse_worker import __version__", "__init__"),
        ],
    )
    def test_see_an_import(self, text: str, module: str) -> None:
        assert ours(Source("engine.contract", text), self.KNOWN) == {module}

    @pytest.mark.parametrize("text", ["a = 'import averse_worker.wire.errors'", "# import zmq"])
    def test_see_none_in_prose(self, text: str) -> None:
        assert list(imports_of(Source("wire.server", text))) == []

    def test_refuse_relative_imports(self) -> None:
        with pytest.raises(AssertionError, match="relative"):
            list(imports_of(Source("wire.server", "from . import errors")))

    @pytest.mark.parametrize(
        ("name", "module"),
        [
            ("wire.server", "engine.contract"),
            ("wire.server", "platform.device"),
            ("wire.messages.load", "models.load"),
            ("platform.device", "models.load"),
            ("engine.contract", "models.load"),
            ("engine.registry", "engine.torch.loaded"),
            ("engine.fake.engine", "models.load"),
            ("engine.fake.engine", "engine.torch.loaded"),
            ("models.load", "store.checkpoint"),
            ("models.load", "engine.torch.loaded"),
            ("__main__", "models.load"),
        ],
    )
    def test_catch_a_wrong_edge(self, name: str, module: str) -> None:
        source = Source(name, f"import averse_worker.{module}")
        assert wrong_edges(source, self.KNOWN) == [f"{name} imports {module}"]

    @pytest.mark.parametrize(
        ("name", "module"),
        [
            ("wire.server", "platform.memory"),
            ("wire.server", "wire.messages.load"),
            ("platform.device", "wire.errors"),
            ("engine.fake.engine", "rewards.contract"),
            ("engine.torch.engine", "store.checkpoint"),
            ("engine.torch.engine", "engine.torch.loaded"),
            ("store.checkpoint", "engine.contract"),
        ],
    )
    def test_allow_a_right_edge(self, name: str, module: str) -> None:
        assert wrong_edges(Source(name, f"import averse_worker.{module}"), self.KNOWN) == []

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("wire.server", "import torch"),
            ("wire.server", "from transformers.utils import logging"),
            ("engine.contract", "def f():\n    import torch.nn"),
            ("engine.fake.engine", "import peft"),
            ("__main__", "import datasets"),
            ("models.load", "import zmq"),
            ("engine.torch.engine", "from zmq import Context"),
        ],
    )
    def test_catch_a_wrong_package(self, name: str, text: str) -> None:
        assert len(wrong_packages(Source(name, text))) == 1

    @pytest.mark.parametrize(
        ("name", "text"),
        [("wire.connection", "import zmq"), ("models.load", "import torch, transformers")],
    )
    def test_allow_a_package_where_it_belongs(self, name: str, text: str) -> None:
        assert wrong_packages(Source(name, text)) == []

    @pytest.mark.parametrize(
        "text",
        [
            "def cvar(returns): ...",
            "def f(risk_level): ...",
            "class RiskMeasure: ...",
            "batch.lower_quantile",
            "f(tail_fraction=0.1)",
            "alpha_schedule = 1",
            "CVAR: Final = 1",
        ],
    )
    def test_catch_a_word_of_risk(self, text: str) -> None:
        assert len(risk_words(Source("training.ppo", text))) == 1

    def test_let_prose_name_what_code_may_not(self) -> None:
        text = '"""Nothing here knows CVaR."""\ndetail, variance = 1, 2  # of no risk measure\n'
        assert risk_words(Source("training.ppo", text)) == []
