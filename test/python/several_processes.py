"""An engine of several processes, driven from a test: rank 0 is a process of its own, too.

The processes are forks of one that has imported the engine, which takes seconds.
"""

import importlib.util
import multiprocessing
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

import pytest

from averse_worker.platform.processes import Strategy
from averse_worker.wire.errors import InputError, Interrupted

REFUSED_SEED: Final = 666
"""Seed of a rollout that fails in the last process, and in no other."""

_SECONDS: Final = 180
"""that an answer is waited for: only a busy machine needs them"""

STRATEGIES: Final = [
    "data-parallel",
    "fsdp",
    pytest.param(
        "deepspeed",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("deepspeed") is None,
            reason="deepspeed is not installed (averse setup --extra deepspeed)",
        ),
    ),
]

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["several_processes", "averse_worker.engine.torch.several"])


class Several:
    """An engine whose commands run in rank 0 of `count` processes."""

    def __init__(self, pipe: Connection, pids: list[int]) -> None:
        self._pipe = pipe
        self.pids = pids
        """by rank"""

    def __call__(self, command: str, payload: Any, *, interrupt_at: str | None = None) -> Any:
        """The command's result.

        Args:
            interrupt_at: a phase in which rank 0 is interrupted.

        Raises:
            Exception: what the engine raised.
        """
        self._pipe.send((command, payload, interrupt_at))
        if not self._pipe.poll(_SECONDS):
            raise TimeoutError(f"no answer to `{command}` in {_SECONDS} s")
        result = self._pipe.recv()
        if isinstance(result, BaseException):
            raise result
        return result


@contextmanager
def processes(count: int, *, strategy: Strategy = "data-parallel") -> Iterator[Several]:
    """Starts the engine in `count` processes; they are gone afterwards.

    Args:
        strategy: how they share the work.
    """
    here, there = _CONTEXT.Pipe()
    # An inherited descriptor does not pass through a fork server: a free port will do.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    started = [
        _CONTEXT.Process(
            target=_run, args=(rank, count, port, strategy, there if not rank else None)
        )
        for rank in range(count)
    ]
    for process in started:
        process.start()
    there.close()
    try:
        yield Several(here, [process.pid or 0 for process in started])
        here.send(None)
        for process in started:
            process.join(_SECONDS)
        assert [process.exitcode for process in started] == [0] * count
    finally:
        for process in started:
            process.kill()
            process.join()
        here.close()


def _run(rank: int, count: int, port: int, strategy: Strategy, pipe: Connection | None) -> None:
    # Imported here: whoever collects tests needs no torch.
    from averse_worker.engine.torch.engine import TorchEngine
    from averse_worker.engine.torch.several import SeveralEngine, follow
    from averse_worker.platform.processes import Place

    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    place = Place(
        rank=rank,
        count=count,
        local=rank,
        address="127.0.0.1",
        port=port,
        listener=None,
        hosts=rank == 0,
        strategy=strategy,
    )
    if pipe is None:
        rollout = TorchEngine.rollout

        def refusing(self: TorchEngine, payload: Any, report: Any) -> Any:
            if payload.seed == REFUSED_SEED:
                raise InputError("this one cannot", key="reward.model")
            return rollout(self, payload, report)

        TorchEngine.rollout = refusing  # type: ignore[method-assign]
        follow(place)
        return
    engine = SeveralEngine(place)
    while (asked := pipe.recv()) is not None:
        command, payload, interrupt_at = asked

        def report(phase: str, *_: Any, at: str | None = interrupt_at) -> None:
            if phase == at:
                raise Interrupted(f"interrupted in {phase}")

        try:
            pipe.send(getattr(engine, command)(payload, report))
        except Exception as error:
            pipe.send(error)
    engine.close()
