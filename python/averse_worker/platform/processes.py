"""A worker of several processes: how they are started, and which of them this one is.

    averse_worker --processes 2 ─┬▶ rank 0: the socket, the engine ◀─┐
         (starts, watches, ends) │                                   │ torch.distributed
                                 └▶ rank 1: the engine ◀─────────────┘

The variables in their environment are those of torchrun and `accelerate launch`, which may start
the processes instead.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from types import FrameType
from typing import Final, Literal

from averse_worker.platform.processor import cores

Strategy = Literal["data-parallel", "fsdp", "deepspeed"]
"""How several processes share the work; all but the first divide models and optimizer, too."""

EXIT_PEER_LOST: Final = 71
"""of a process that another one of its worker left, and of a worker that lost one;
EX_OSERR of sysexits.h"""

_LISTENER: Final = "AVERSE_STORE_FD"
"""Descriptor of the socket that rank 0's store listens on: no other program can take the port."""

_LAST_SECONDS: Final = 5.0
"""How long the others may take to end, once one of them has."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Which process of a worker this one is."""

    rank: int
    count: int
    """of the processes, 2 or more"""
    local: int
    """rank among those of this machine"""
    address: str
    port: int
    """where the store of their addresses listens"""
    listener: int | None
    """descriptor of its socket, in rank 0"""
    hosts: bool
    """whether rank 0 has the store; otherwise whoever started the processes"""
    strategy: Strategy = "data-parallel"

    @property
    def sharded(self) -> bool:
        """Whether the processes divide policy, reference and optimizer among them."""
        return self.strategy != "data-parallel"


def take_place(
    environment: MutableMapping[str, str], *, strategy: Strategy = "data-parallel"
) -> Place | None:
    """Reads this process's place and removes it: accelerate, under supervised fine-tuning, would
    read it too and divide up what one process does alone.

    Args:
        strategy: of the place.

    Returns:
        None: it is the only process.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", _LISTENER)
    found = {name: environment.pop(name, "") for name in names}
    environment.pop("LOCAL_WORLD_SIZE", None)
    if not all(found[name] for name in names[:5]) or found["WORLD_SIZE"] == "1":
        return None
    rank = int(found["RANK"])
    return Place(
        rank=rank,
        count=int(found["WORLD_SIZE"]),
        local=int(found["LOCAL_RANK"]),
        address=found["MASTER_ADDR"],
        port=int(found["MASTER_PORT"]),
        listener=int(found[_LISTENER]) if found[_LISTENER] else None,
        hosts=rank == 0 and environment.get("TORCHELASTIC_USE_AGENT_STORE") != "True",
        strategy=strategy,
    )


def run_processes(count: int) -> int:
    """Starts this program, with the same arguments, `count` times and waits for the end of all;
    returns the exit code.

    When one ends the others are ended too: a worker with a part of its processes can do nothing.
    The last line on standard error says which one it was.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=count)
    listener.set_inheritable(True)
    port = listener.getsockname()[1]
    family = _Family()
    # Before the first of them: a signal in between would leave it behind.
    signal.signal(signal.SIGTERM, family.terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for rank in range(count):
        mine = {
            "RANK": str(rank),
            "WORLD_SIZE": str(count),
            "LOCAL_RANK": str(rank),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            _LISTENER: str(listener.fileno()) if rank == 0 else "",
        }
        process = subprocess.Popen(
            [sys.executable, *sys.orig_argv[1:]],
            env={**_shared(os.environ, count), **mine},
            pass_fds=(listener.fileno(),) if rank == 0 else (),
        )
        family.add(rank, process)
    listener.close()
    return family.wait()


def _shared(environment: Mapping[str, str], count: int) -> dict[str, str]:
    """What all processes have in their environment; what is set already stays."""
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "lo")
    return {
        # Each with all cores would hold up the others.
        "OMP_NUM_THREADS": str(max(1, cores() // count)),
        # Tensors go unencrypted: not over a network.
        "GLOO_SOCKET_IFNAME": loopback,
        **environment,
    }


class _Family:
    """The processes of a worker, from their start to the end of the last."""

    def __init__(self) -> None:
        self._running: dict[int, tuple[int, subprocess.Popen[bytes]]] = {}
        """process id → rank and process"""
        self._count = 0
        self._terminated = False

    def add(self, rank: int, process: subprocess.Popen[bytes]) -> None:
        self._running[process.pid] = (rank, process)
        self._count += 1
        if self._terminated:
            process.terminate()

    def terminate(self, _number: int, _frame: FrameType | None) -> None:
        """Passes SIGTERM on."""
        self._terminated = True
        self._signal(signal.SIGTERM)

    def wait(self) -> int:
        """Waits for all of them; returns the exit code of the worker."""
        rank, code = self._next()
        overdue = threading.Timer(_LAST_SECONDS, self._signal, (signal.SIGKILL,))
        overdue.daemon = True
        overdue.start()
        # Who misses another has noticed what happened elsewhere: that is told. And rank 0 lets the
        # others go before it ends itself.
        while self._running and (code == EXIT_PEER_LOST or (rank > 0 and code == 0)):
            rank, code = self._next()
        if code != 0 and not self._terminated:
            self._signal(signal.SIGKILL)
        while self._running:
            self._next()
        overdue.cancel()
        if self._terminated:
            return 128 + signal.SIGTERM
        if rank == 0 and code >= 0:
            return code  # it has said why itself
        how = f"exited with code {code}" if code >= 0 else f"was killed by {_name(-code)}"
        print(
            f"averse_worker: process {rank} of ranks 0 to {self._count - 1} {how}; a worker needs "
            "all of its processes, the others were ended",
            file=sys.stderr,
            flush=True,
        )
        return EXIT_PEER_LOST

    def _next(self) -> tuple[int, int]:
        """Rank and exit code (below 0: the signal) of the next that ends."""
        pid, status = os.waitpid(-1, 0)
        rank, process = self._running.pop(pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        return rank, process.returncode

    def _signal(self, number: int) -> None:
        for _, process in list(self._running.values()):
            process.send_signal(number)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
