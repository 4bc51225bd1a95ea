"""The torch engine as several processes: rank 0 takes the commands, all carry them out.

    load, score_prompts, rollout, update, restore   in every process, on its part
    evaluate                                        likewise; its figures in rank 0
    sft                                             in rank 0, which hands the weights on
    everything else                                 in rank 0; the others wait for the next

Where the policy is divided, the others also write their parts of checkpoints, and give them to
rank 0 for what it computes alone.

An error in one process is an error of the command, and of nothing else: all serve the next one.
"""

import atexit
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from averse_worker.engine.contract import Report
from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.platform.processes import Place
from averse_worker.platform.ranks import Group, LeftError
from averse_worker.wire.errors import (
    Diverged,
    ErrorKind,
    InputError,
    Interrupted,
    MissingEnvironment,
    OutOfMemory,
    ProtocolError,
    WorkerError,
)
from averse_worker.wire.failures import failure_of
from averse_worker.wire.messages.base import Message
from averse_worker.wire.messages.envelope import PAYLOADS, Command
from averse_worker.wire.messages.evaluation import (
    CapabilityPayload,
    EvaluatePayload,
    ToxicityPayload,
)
from averse_worker.wire.messages.training import ExportPayload

Result = TypeVar("Result")

_TOGETHER: Final[frozenset[Command]] = frozenset(
    {"train_stage", "load", "score_prompts", "sft", "rollout", "update", "evaluate", "restore"}
)
"""Commands that the other processes take part in."""

_WITH_PARTS: Final[frozenset[Command]] = frozenset({"save", "export", "toxicity", "capability"})
"""Those that need the others where the policy is divided."""

_ERRORS: Final[dict[ErrorKind, type[WorkerError]]] = {
    kind.kind: kind
    for kind in (
        ProtocolError,
        InputError,
        MissingEnvironment,
        OutOfMemory,
        Diverged,
        Interrupted,
        WorkerError,
    )
}


class _Reason(msgspec.Struct, frozen=True):
    """Why a command failed in one process."""

    error: ErrorKind
    message: str
    key: str | None
    detail: str | None


class SeveralEngine:
    """The engine in rank 0: for the server it is one like any other."""

    def __init__(self, place: Place) -> None:
        """Waits for the other processes."""
        self._group = Group(place)
        self._together = _TOGETHER | _WITH_PARTS if place.sharded else _TOGETHER
        self._engine = TorchEngine(self._group)
        # In an orderly end alone: any other takes the connections with it, which the others notice.
        atexit.register(self.close)

    def close(self) -> None:
        """Lets the other processes end; the engine is not used afterwards."""
        atexit.unregister(self.close)
        self._group.close()

    def __getattr__(self, command: str) -> Any:
        """The method of an engine's command."""
        alone = getattr(self._engine, command)
        return partial(self._lead, command, alone) if command in self._together else alone

    def _lead(
        self,
        command: Command,
        perform: Callable[[Any, Report], Message],
        payload: Message,
        report: Report,
    ) -> Message:
        group = self._group
        group.begin(msgspec.msgpack.encode((command, msgspec.msgpack.encode(payload))))

        def watched(
            phase: str, done: int, total: int, unit: str, loss: float | None = None
        ) -> None:
            report(phase, done, total, unit, loss)
            group.look()

        return _together(group, command, lambda: perform(payload, watched))


def follow(place: Place) -> None:
    """Carries out rank 0's commands, in another rank, until that one lets go or is gone."""
    group = Group(place)
    engine = TorchEngine(group)
    while message := group.begin():
        command, data = msgspec.msgpack.decode(message, type=tuple[Command, bytes])
        payload = msgspec.msgpack.decode(data, type=PAYLOADS[command])

        def work(command: Command = command, payload: Message = payload) -> None:
            if command == "train_stage":
                engine.unload()  # rank 0 trains it
            elif command == "sft":
                engine.take_over_sft()
            elif isinstance(payload, EvaluatePayload):
                engine.evaluation(payload, lambda *_: group.look())
                if place.sharded and "perplexity" in payload.figures:
                    engine.lend_parts(payload.weights)
            elif isinstance(payload, ToxicityPayload | CapabilityPayload | ExportPayload):
                engine.lend_parts(payload.weights)
            else:
                getattr(engine, command)(payload, lambda *_: group.look())

        try:
            _together(group, command, work)
        except (Exception, SystemExit):
            continue  # rank 0 has the reason, and answers
    group.leave()


def _together(group: Group, command: Command, work: Callable[[], Result]) -> Result:
    """This process's part of a command, and the same end for all.

    Raises:
        WorkerError: of another process, where the command failed in that one alone.
        LeftError: likewise, in a process that does not answer.
    """
    error: BaseException | None = None
    try:
        result = work()
    # SystemExit too: as in the server.
    except (Exception, SystemExit) as raised:
        error = raised
    reasons = group.conclude(None if error is None else _described(error, command))
    if reasons is None:
        return result
    if error is not None and not isinstance(error, LeftError):
        raise error
    for rank, data in enumerate(reasons):
        if data:
            reason = msgspec.msgpack.decode(data, type=_Reason)
            message = f"{reason.message} (in process {rank} of ranks 0 to {group.count - 1})"
            raise _ERRORS[reason.error](message, key=reason.key, detail=reason.detail)
    raise LeftError


def _described(error: BaseException, command: Command) -> bytes:
    if isinstance(error, LeftError):
        return b""
    failure = failure_of(error, session="", id=0, command=command)
    return msgspec.msgpack.encode(
        _Reason(failure.error, failure.message, failure.key, failure.detail)
    )
