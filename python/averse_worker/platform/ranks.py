"""The processes that compute one worker's commands together, and all that they exchange.

Every process (rank) carries out the same commands on its part of the episodes. They come together
in collective operations; rank 0 has the socket. Before each of these operations they *meet*: each
tells whether its command still goes well. One whose command failed, or was interrupted, meets the
others wherever they are, and all leave the command at the same point. So none waits for ever for
one that is gone on, and after a failure all are ready for the next command.

    rank 0   ── rollout ── meet ─ gather ──── update ── meet ─ sum ── …  conclude
    rank 1   ── rollout ── meet ─ gather ──── update ── error ─▶ meet    conclude
"""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, NoReturn, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from averse_worker.platform.processes import EXIT_PEER_LOST, Place

Value = TypeVar("Value")

_FOREVER: Final = timedelta(days=365)
"""Whether a command takes too long is the controller's to tell, and a paused run sends none."""

_LOOK_SECONDS: Final = 0.2
"""How often a rank looks whether another one has failed, at most."""

_BUCKET: Final = 1 << 25
"""Gradients that are added up at once, in numbers."""


class Ranks(Protocol):
    """What the parts of an engine need to know of the other processes."""

    @property
    def rank(self) -> int:
        """This process, from 0."""
        ...

    @property
    def count(self) -> int:
        """Of processes."""
        ...

    @property
    def local(self) -> int:
        """Rank among the processes of this machine."""
        ...

    @property
    def deepspeed(self) -> bool:
        """Whether DeepSpeed divides them."""
        ...

    @property
    def place(self) -> Place | None:
        """Of this process; None: it is alone."""
        ...

    @property
    def sharded(self) -> bool:
        """Whether models and optimizer are divided among the processes, too."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """What figures depend on, as of a machine; empty for a process alone."""
        ...

    def part(self, rows: int) -> slice:
        """Which of so many rows are this process's: contiguous, equal parts up to one row."""
        ...

    def gather(self, own: bytes) -> list[bytes]:
        """What each process gives, in their order."""
        ...

    def total(self, own: Tensor) -> Tensor:
        """The sum over all processes; float32, on `own`'s device."""
        ...

    def sum_step(self, parameters: Mapping[str, nn.Parameter], beside: Tensor) -> Tensor:
        """Adds up the gradients of all processes in place, and the numbers `beside` [N] with them;
        returns those. A parameter without a gradient anywhere has none afterwards."""
        ...

    def hand_on(self, tensors: Iterable[Tensor]) -> None:
        """Overwrites the tensors of the others by those of rank 0, which are of the same shapes."""
        ...

    def mesh(self, device: str) -> DeviceMesh:
        """All processes in a row, as torch's sharding takes them; `device` is "cpu" or "cuda"."""
        ...

    def together(self, operation: Callable[[], Value]) -> Value:
        """Carries out what all take part in and none can leave, such as a pass through a sharded
        model: where it fails in one, all processes end."""
        ...


def part_of(rows: int, rank: int, count: int) -> slice:
    """Part `rank` of `count` contiguous ones, whose sizes differ by one at most."""
    return slice(rows * rank // count, rows * (rank + 1) // count)


class Alone:
    """The only process: everything is its own."""

    rank = 0
    count = 1
    local = 0
    sharded = False
    deepspeed = False
    place = None
    facts: Final[Mapping[str, str]] = MappingProxyType({})

    def part(self, rows: int) -> slice:
        return slice(0, rows)

    def gather(self, own: bytes) -> list[bytes]:
        return [own]

    def total(self, own: Tensor) -> Tensor:
        return own

    def sum_step(self, parameters: Mapping[str, nn.Parameter], beside: Tensor) -> Tensor:
        return beside

    def hand_on(self, tensors: Iterable[Tensor]) -> None:
        """Nobody else is there."""

    def mesh(self, device: str) -> DeviceMesh:
        raise NotImplementedError("a process alone divides nothing")

    def together(self, operation: Callable[[], Value]) -> Value:
        return operation()


ALONE: Final = Alone()


class LeftError(Exception):
    """This process leaves its command because another one's failed; that one has the reason."""


class Group:
    """One of several processes, over torch.distributed."""

    def __init__(self, place: Place) -> None:
        """Waits for all others to come."""
        self.place: Place | None = place
        self.rank = place.rank
        self.count = place.count
        self.local = place.local
        self.sharded = place.sharded
        self.deepspeed = place.strategy == "deepspeed"
        self.facts = {"processes": str(place.count)}
        self._commands = 0
        self._agreed = False
        """whether all know that the command in hand failed somewhere"""
        self._looked = 0.0
        self._meshes: dict[str, DeviceMesh] = {}
        listening: dict[str, Any] = (
            {} if place.listener is None else {"master_listen_fd": place.listener}
        )
        self._store = dist.PrefixStore(  # type: ignore[attr-defined]
            "averse",
            dist.TCPStore(  # type: ignore[attr-defined]
                place.address,
                place.port,
                place.count,
                is_master=place.hosts,
                timeout=_FOREVER,
                wait_for_workers=False,
                **listening,
            ),
        )
        backend = "gloo"
        if torch.cuda.is_available():
            torch.cuda.set_device(place.local % torch.cuda.device_count())
            if torch.cuda.device_count() > place.local:
                backend = "cpu:gloo,cuda:nccl"
        dist.init_process_group(
            backend,
            store=self._store,
            rank=place.rank,
            world_size=place.count,
            timeout=_FOREVER,
        )

    # ── within a command ────────────────────────────────────────────────────────────────────

    def part(self, rows: int) -> slice:
        return part_of(rows, self.rank, self.count)

    def gather(self, own: bytes) -> list[bytes]:
        self._meet()
        return self._gather(own)

    def total(self, own: Tensor) -> Tensor:
        self._meet()
        sums = own.detach().float().cpu()
        self._do(lambda: dist.all_reduce(sums))
        return sums.to(own.device)

    def sum_step(self, parameters: Mapping[str, nn.Parameter], beside: Tensor) -> Tensor:
        self._meet()
        named = list(parameters.values())
        there = torch.tensor([float(p.grad is not None) for p in named])
        sums = torch.cat([there, beside.float().cpu()])
        self._do(lambda: dist.all_reduce(sums))
        trained = [p for p, some in zip(named, sums.tolist(), strict=False) if some]
        for bucket in _buckets(trained):
            flat = torch.cat(
                [
                    torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten()
                    for p in bucket
                ]
            )
            self._do(lambda flat=flat: dist.all_reduce(flat))  # type: ignore[misc]
            parts = torch.split(flat, [p.numel() for p in bucket])
            for parameter, gradient in zip(bucket, parts, strict=True):
                parameter.grad = gradient.view_as(parameter)
        return sums[len(named) :].to(beside.device)

    def hand_on(self, tensors: Iterable[Tensor]) -> None:
        self._meet()
        with torch.no_grad():
            for tensor in tensors:
                there = tensor.detach().contiguous()
                self._do(lambda there=there: dist.broadcast(there, 0))  # type: ignore[misc]
                tensor.copy_(there)

    def mesh(self, device: str) -> DeviceMesh:
        if device not in self._meshes:
            self._meshes[device] = init_device_mesh(device, (self.count,))
        return self._meshes[device]

    def together(self, operation: Callable[[], Value]) -> Value:
        self._meet()
        try:
            return operation()
        except Exception as error:
            if isinstance(error, dist.DistError) or "/gloo/" in str(error):
                self._end(f"misses another process: {_first_line(error)}")
            # The others wait within the operation, where they cannot be told.
            traceback.print_exc()
            self._end(f"fails where the others cannot go on without it: {_first_line(error)}")

    def look(self) -> None:
        """Call it often: leaves the command soon after it failed elsewhere.

        Raises:
            LeftError: it did.
        """
        now = time.monotonic()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            if self._do(lambda: self._store.check([self._failure])):
                raise LeftError

    # ── from command to command ─────────────────────────────────────────────────────────────

    def begin(self, message: bytes = b"") -> bytes:
        """The next command: rank 0 gives its message, the others wait for it."""
        self._commands += 1
        self._agreed = False
        size = torch.tensor([len(message)])
        self._do(lambda: dist.broadcast(size, 0))
        if not int(size):
            return b""
        data = _tensor(message) if self.rank == 0 else torch.empty(int(size), dtype=torch.uint8)
        self._do(lambda: dist.broadcast(data, 0))
        return data.numpy().tobytes()

    def conclude(self, failed: bytes | None) -> list[bytes] | None:
        """The end of the command in all processes.

        Args:
            failed: why this one's failed, empty for `LeftError`; None: it did not.

        Returns:
            None: it succeeded everywhere; otherwise why each failed, empty where it did not.
        """
        if not self._agreed:
            if failed is not None:
                self._do(lambda: self._store.set(self._failure, "1"))
            if not self._any(failed is not None):
                return None
        # All are past looking: the next command has a key of its own.
        return self._gather(failed or b"")

    def close(self) -> None:
        """Lets the others go, of whom `begin` gets no message; then `leave`."""
        self.begin()
        self.leave()

    def leave(self) -> None:
        """Ends the connections, in order."""
        dist.destroy_process_group()

    # ── inside ──────────────────────────────────────────────────────────────────────────────

    @property
    def _failure(self) -> str:
        """Key of the store that says that the command in hand failed somewhere."""
        return f"failed/{self._commands}"

    def _meet(self) -> None:
        if self._any(False):
            self._agreed = True
            raise LeftError

    def _any(self, failed: bool) -> bool:
        """Whether the command failed in one of those that meet here: all of them."""
        flag = torch.tensor([int(failed)])
        self._do(lambda: dist.all_reduce(flag))
        return bool(flag)

    def _gather(self, own: bytes) -> list[bytes]:
        sizes = [torch.zeros(1, dtype=torch.long) for _ in range(self.count)]
        self._do(lambda: dist.all_gather(sizes, torch.tensor([len(own)])))
        width = max(int(size) for size in sizes)
        if width == 0:
            return [b""] * self.count
        padded = _tensor(own.ljust(width, b"\0"))
        found = [torch.empty(width, dtype=torch.uint8) for _ in sizes]
        self._do(lambda: dist.all_gather(found, padded))
        return [
            data[: int(size)].numpy().tobytes() for data, size in zip(found, sizes, strict=True)
        ]

    def _do(self, operation: Callable[[], Value]) -> Value:
        """Carries out an operation of all; ends this process when another one is gone."""
        try:
            return operation()
        except RuntimeError as error:
            self._end(f"misses another process: {_first_line(error)}")

    def _end(self, why: str) -> NoReturn:
        """Ends this process. It is no error of the command, and there is nothing to clean up:
        without the others there is no answer, and the controller goes on from a checkpoint with a
        new worker."""
        print(f"averse_worker: rank {self.rank} {why}", file=sys.stderr, flush=True)
        os._exit(EXIT_PEER_LOST)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _tensor(data: bytes) -> Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def _buckets(parameters: list[nn.Parameter]) -> Iterable[list[nn.Parameter]]:
    """In order, with at most `_BUCKET` numbers each, or one parameter."""
    bucket: list[nn.Parameter] = []
    size = 0
    for parameter in parameters:
        if bucket and size + parameter.numel() > _BUCKET:
            yield bucket
            bucket, size = [], 0
        bucket.append(parameter)
        size += parameter.numel()
    if bucket:
        yield bucket
