"""Who may import what, read from the import statements themselves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "python/averse_worker"

TORCH = {"torch", "transformers", "trl", "peft", "accelerate", "datasets"}
"""Packages that import torch, and torch."""

WITHOUT_TORCH = [
    "__init__",
    "__main__",
    "connection",
    "digests",
    "distinct",
    "engine",
    "engines/__init__",
    "errors",
    "failures",
    "intake",
    "keys",
    "limits",
    "memory",
    "messages",
    "parent",
    "readiness",
    "report",
    "scores",
    "server",
    "stacks",
    "texts",
    "time_limit",
]
"""What runs before `load`, or beside any engine."""

RISK_WORDS = ("cvar", "quantile", "risk")


def imported(file: Path) -> set[str]:
    """Modules named in the import statements of a file, dotted names in full."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide what is imported"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def packages(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(file)}


def every_file() -> list[Path]:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 15
    return files


def name_of(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").as_posix()


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_the_wire_side_never_imports_torch(name: str) -> None:
    assert not packages(PACKAGE / f"{name}.py") & TORCH


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_the_wire_side_imports_nothing_that_does(name: str) -> None:
    own = {
        module.removeprefix("averse_worker.").replace(".", "/")
        for module in imported(PACKAGE / f"{name}.py")
        if module.startswith("averse_worker.")
    }
    files = {other for other in own if (PACKAGE / f"{other}.py").exists()}
    assert files <= set(WITHOUT_TORCH), f"{name} imports a module that may import torch"


def test_only_the_connection_imports_zmq() -> None:
    assert [name_of(file) for file in every_file() if "zmq" in packages(file)] == ["connection"]


def test_the_fake_engine_needs_no_torch() -> None:
    for file in (PACKAGE / "engines").glob("fake*.py"):
        assert not packages(file) & TORCH, file


def test_engines_know_nothing_of_the_wire() -> None:
    wire = {f"averse_worker.{name}" for name in ("connection", "server", "intake", "failures")}
    for file in every_file():
        if name_of(file) not in WITHOUT_TORCH:
            assert not imported(file) & wire, file


def test_the_worker_knows_nothing_of_risk() -> None:
    for file in every_file():
        words = {
            node.id if isinstance(node, ast.Name) else node.arg
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Name | ast.arg)
        }
        found = [word for word in words for risk in RISK_WORDS if risk in word.lower()]
        assert not found, f"{file} speaks of {found}"


def test_starting_up_imports_no_torch() -> None:
    """The statements say so; this says that nothing imports it by another way."""
    code = (
        "import sys; import averse_worker.__main__, averse_worker.engines.fake; "
        f"print(sorted({TORCH!r} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"
