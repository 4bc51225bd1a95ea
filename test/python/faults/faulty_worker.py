"""The real worker with faults planted in it, as `python -m averse_worker` otherwise.

`AVERSE_TEST_FAULTS` names a JSON file, a list of `Fault`s: where each strikes, and what happens
there. A fault strikes once, whichever worker of a run comes by first, also over restarts and
resumed runs: it takes its `marker` file by making it.
"""

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

# Started by path: the package is found beside the tests, whatever PYTHONPATH says.
sys.path.insert(0, str(Path(__file__).parents[3] / "python"))

from averse_worker import __main__ as worker
from averse_worker.engine.contract import Engine, Report
from averse_worker.engine.registry import build_engine, follow
from averse_worker.platform.processes import Place

COMMANDS: Final = (
    *("devices", "describe_stage", "train_stage", "load", "score_prompts", "sft", "rollout"),
    *("update", "texts", "evaluate", "save", "restore", "export"),
)

_ONE_OF_SEVERAL: Final = "RANK" in os.environ
"""Read here: the worker removes it."""

END_SECONDS: Final = 60
"""A worker that waits for a signal leaves after so long, whatever became of the signal."""


@dataclass(frozen=True)
class Fault:
    """Where: command, place and ordinal. What: signals, or a full disk."""

    marker: str
    command: str
    """A command of the engine, or `start`: before the worker has said anything."""
    place: str = "before"
    """`before` or `after` the engine's call · `progress`: at a report of `phase` · `optimizer`:
    before a step of AdamW, `stepped`: after it · `file`: before a tensor file is written,
    `half-file`: with half of it on disk, `written-file`: after it."""
    rank: int = 0
    """Of the process that it strikes, where a worker has several."""
    stage: str | None = None
    """`sft` or `rl`: of workers of such trials only."""
    nth: int = 0
    """Of this command in this process, from 0."""
    phase: str | None = None
    count: int = 0
    """Of reports of the phase, optimizer steps or files within this command, from 0."""
    signals: tuple[tuple[str, str], ...] = ()
    """(signal, `worker` | `controller` | `all`), in order."""
    pause: float = 0
    """Seconds after each signal to the controller; before SIGCONT, say."""
    wait: bool = False
    """Stays where it is until a signal ends it."""
    fill: str | None = None
    """File that takes all space of its disk; it is removed when the command ends, unless `keep`."""
    keep: bool = False


class Faults:
    """The faults of this process, and where it stands."""

    def __init__(self, faults: list[Fault], rank: int) -> None:
        self._faults = [fault for fault in faults if fault.rank == rank]
        self._command = "start"
        self._stage: str | None = None
        self._nth: dict[str, int] = {}
        self._counts: dict[tuple[str, str | None], int] = {}
        self._ballast: Path | None = None

    def enter(self, command: str, payload: Any) -> None:
        """A command begins."""
        if command == "load":
            # A trial of the RL stage starts from the model that its SFT trial exported.
            self._stage = "rl" if "/trials/" in payload.policy.model else "sft"
        self._nth[command] = self._nth.get(command, -1) + 1
        self._command = command
        self._counts = {}
        self.pass_by("before")

    def leave(self) -> None:
        """The command in hand ends, with or without an answer."""
        if self._ballast is not None:
            self._ballast.unlink()
            self._ballast = None

    def pass_by(self, place: str, phase: str | None = None) -> None:
        """Strikes where a fault waits here."""
        count = self._counts.get((place, phase), 0)
        self._counts[place, phase] = count + 1
        for fault in self._faults:
            here = (fault.command, fault.place, fault.nth, fault.phase, fault.count)
            there = (self._command, place, self._nth.get(self._command, 0), phase, count)
            if here == there and fault.stage in (None, self._stage) and _take(fault.marker):
                self._strike(fault)

    def _strike(self, fault: Fault) -> None:
        if fault.fill is not None:
            path = Path(fault.fill)
            _fill(path)
            self._ballast = None if fault.keep else path
        for name, target in fault.signals:
            _send(signal.Signals[name], target)
            if target == "controller":
                time.sleep(fault.pause)
        if fault.wait:
            time.sleep(END_SECONDS)
            os._exit(99)


class FaultyEngine:
    """An engine whose commands pass by the faults."""

    def __init__(self, engine: Engine, faults: Faults) -> None:
        self._engine = engine
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        """The engine's own, with the commands wrapped."""
        own = getattr(self._engine, name)
        return _watched_command(name, own, self._faults) if name in COMMANDS else own


def _watched_command(
    name: str, own: Callable[..., Any], faults: Faults
) -> Callable[[Any, Report], Any]:
    """An engine's command that passes by the faults."""

    def command(payload: Any, report: Report) -> Any:
        def watched(
            phase: str, done: int, total: int, unit: str, loss: float | None = None
        ) -> None:
            report(phase, done, total, unit, loss)
            faults.pass_by("progress", phase)

        faults.enter(name, payload)
        try:
            result = own(payload, watched)
            faults.pass_by("after")
            return result
        finally:
            faults.leave()

    return command


def _take(marker: str) -> bool:
    """Whether this process is the one that the fault strikes."""
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _send(number: signal.Signals, target: str) -> None:
    if target == "worker":
        os.kill(os.getpid(), number)
    elif target == "controller":
        os.kill(_controller(), number)
    else:
        _cut_power(number)


def _controller() -> int:
    """The process that started this worker: of one of several, the one that started their
    starter."""
    parent = os.getppid()
    if not _ONE_OF_SEVERAL:
        return parent
    stat = Path(f"/proc/{parent}/stat").read_text()
    return int(stat[stat.rindex(")") + 2 :].split()[1])


def _cut_power(number: signal.Signals) -> None:
    """To every process of the run, this one last; the run's processes share a mark."""
    mark = f"AVERSE_TEST_MARK={os.environ['AVERSE_TEST_MARK']}".encode()
    others = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                others.append(int(folder.name))
        except OSError:  # gone meanwhile, or another user's
            continue
    for pid in sorted(others, key=lambda pid: pid == os.getpid()):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _fill(path: Path) -> None:
    """Takes the last byte of the disk that the file lies on."""
    size = 1 << 16
    with path.open("wb", buffering=0) as file:
        while size > 0:
            try:
                written = file.write(b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                written = 0
            if written < size:
                size //= 2


def _plant(faults: Faults, engine: str) -> None:
    """Puts the places inside commands under watch."""
    if engine == "torch":
        import torch

        from averse_worker.store import export, tensors

        stepped = torch.optim.AdamW.step

        def step(self: Any, *args: Any, **kwargs: Any) -> Any:
            faults.pass_by("optimizer")
            result = stepped(self, *args, **kwargs)
            faults.pass_by("stepped")
            return result

        torch.optim.AdamW.step = step  # type: ignore[method-assign]
        modules: tuple[Any, ...] = (tensors, export)
    else:
        from averse_worker.engine.fake import files as fake_files

        modules = (fake_files,)
    for module in modules:
        if hasattr(module, "save_file"):
            module.save_file = _watched_write(module.save_file, faults)


def _watched_write(save_file: Callable[..., None], faults: Faults) -> Callable[..., None]:
    def write(tensors: Any, path: Any, *args: Any) -> None:
        faults.pass_by("file")
        save_file(tensors, path, *args)
        whole = Path(path).read_bytes()
        os.truncate(path, len(whole) // 2)
        faults.pass_by("half-file")
        Path(path).write_bytes(whole)
        faults.pass_by("written-file")

    return write


def _follow(place: Place, faults: Faults) -> None:
    """In a process without a socket, whose engine is made where its commands arrive."""
    from averse_worker.engine.torch.engine import TorchEngine

    for name in COMMANDS:
        own = getattr(TorchEngine, name)

        def command(
            engine: Any, payload: Any, report: Report, name: str = name, own: Any = own
        ) -> Any:
            return _watched_command(name, partial(own, engine), faults)(payload, report)

        setattr(TorchEngine, name, command)
    _plant(faults, "torch")
    follow(place)


def main(argv: list[str]) -> int:
    """As `averse_worker`'s own."""
    planned = json.loads(Path(os.environ["AVERSE_TEST_FAULTS"]).read_text(encoding="utf-8"))
    faults = Faults([Fault(**fault) for fault in planned], int(os.environ.get("RANK", "0")))
    if "--processes" not in argv or _ONE_OF_SEVERAL:
        faults.pass_by("before")

    def build(name: str, place: Place | None) -> Any:
        engine = build_engine(name, place)
        _plant(faults, name)
        return FaultyEngine(engine, faults)

    worker.build_engine = build  # type: ignore[assignment]
    worker.follow = lambda place: _follow(place, faults)  # type: ignore[attr-defined]
    return worker.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
