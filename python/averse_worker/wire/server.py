"""Answers the controller's requests: one engine command at a time, control in between.

    control thread   receive ─▶ ping, interrupt, shutdown, refusals ─▶ send
                        │ one command
                        ▼
    main thread       work: engine.load, rollout, update, … ─▶ progress, reply or failure ─▶ send

The engine has the main thread, where torch and signal handlers like to be.
"""

import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from averse_worker import __version__
from averse_worker.platform.memory import resident_bytes
from averse_worker.wire.errors import MissingEnvironment
from averse_worker.wire.failures import failure_of
from averse_worker.wire.intake import Accepted, Refused, read_request
from averse_worker.wire.messages.base import Message
from averse_worker.wire.messages.envelope import (
    PROTOCOL_VERSION,
    RESULTS,
    Capabilities,
    Command,
    DeclaredFigures,
    Empty,
    Failure,
    Hello,
    Limit,
    PingResult,
    Progress,
    Reply,
    encode,
)
from averse_worker.wire.report import ThinnedReport

_WITHOUT_LOAD: Final[frozenset[Command]] = frozenset(
    {"devices", "describe_stage", "train_stage", "load"}
)
_CONTROL: Final[frozenset[Command]] = frozenset({"ping", "interrupt", "shutdown"})


@dataclass(frozen=True)
class _Job:
    """The running engine command."""

    request: Accepted
    report: ThinnedReport


@dataclass(frozen=True)
class EngineFacts:
    """What `hello` says of an engine, known before the engine is imported."""

    capabilities: Capabilities
    options: dict[str, Any]
    """JSON Schema of `load`'s engine_options"""
    figures: DeclaredFigures
    limits: tuple[Limit, ...] = ()


def hello_of(engine_name: str, facts: EngineFacts, session: str) -> Hello:
    """What this process says of itself when it connects."""
    return Hello(
        protocol=PROTOCOL_VERSION,
        session=session,
        pid=os.getpid(),
        host=os.uname().nodename,
        engine=engine_name,
        version=__version__,
        capabilities=facts.capabilities,
        engine_options=facts.options,
        limits=list(facts.limits),
        figures=facts.figures,
    )


class Server:
    """Serves one session with one engine. `receive` belongs to the control thread, `work` to the
    main thread; `send` must be callable from both."""

    def __init__(
        self,
        *,
        session: str,
        engine_name: str,
        facts: EngineFacts,
        build: Callable[[], object],
        send: Callable[[bytes], None],
    ) -> None:
        """`build` makes the engine, which may import for many seconds: an object with a method for
        each engine command (`engine/contract.py`; nothing here depends on it)."""
        self._session = session
        self._engine_name = engine_name
        self._facts = facts
        self._build = build
        self._send_bytes = send
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        # Guarded by the lock, except that only the main thread uses the engine itself.
        self._in_hand: _Job | None = None
        self._loaded = False
        self._engine: object | None = None
        self._early_failure: Exception | None = None

    def greet(self) -> None:
        """Sends the hello: the first message of a worker."""
        self._send(hello_of(self._engine_name, self._facts, self._session))

    # ── control thread ──────────────────────────────────────────────────────────────────────

    def receive(self, frames: list[bytes]) -> None:
        """Answers a control command at once, hands an engine command on, or refuses."""
        try:
            request = read_request(frames, self._session)
            if request.command in _CONTROL:
                self._reply(request.id, self._control(request.command))
            else:
                self._accept(request)
        except Refused as refused:
            self._send(
                Failure(
                    session=self._session,
                    id=refused.id,
                    error=refused.kind,
                    message=refused.message,
                    key=None,
                    detail=None,
                )
            )

    def _control(self, command: Command) -> Message:
        with self._lock:
            job = self._in_hand
        if command == "ping":
            return PingResult(
                busy=job.request.command if job else None,
                phase=job.report.phase if job else None,
                memory_bytes=resident_bytes(),
            )
        if job:
            job.report.interrupt()
        if command == "shutdown":
            self._jobs.put(None)
        return Empty()

    def _accept(self, request: Accepted) -> None:
        with self._lock:
            if self._in_hand:
                busy = self._in_hand.request
                raise Refused(
                    f"`{request.command}` (request {request.id}) arrived while `{busy.command}` "
                    f"(request {busy.id}) is running; wait for its reply or interrupt it",
                    # A failure with the running command's id would be taken for its reply.
                    id=request.id if request.id != busy.id else None,
                )
            if not self._loaded and request.command not in _WITHOUT_LOAD:
                raise Refused(
                    f"`{request.command}` arrived before a successful `load`; send `load` first",
                    id=request.id,
                )
            report = ThinnedReport(request.command, self._progress_of(request.id))
            self._in_hand = _Job(request, report)
            self._jobs.put(self._in_hand)

    # ── main thread ─────────────────────────────────────────────────────────────────────────

    def work(self) -> None:
        """Carries out engine commands, one after the other, until `shutdown`."""
        self._import_early()
        while (job := self._jobs.get()) is not None:
            answer = self._answer(job)
            with self._lock:
                # Before the reply is sent: then the controller may send the next command.
                self._in_hand = None
            self._send_bytes(answer)

    def _answer(self, job: _Job) -> bytes:
        id, command = job.request.id, job.request.command
        if command == "train_stage":
            with self._lock:
                self._loaded = False
        try:
            result = self._perform(job)
            expected = RESULTS[command]
            if not isinstance(result, expected):
                raise TypeError(f"engine returned {type(result)}, expected {expected}")
            answer = encode(Reply(session=self._session, id=id, result=result))
        # SystemExit too: a library must not end the worker.
        except (Exception, SystemExit) as error:
            return encode(failure_of(error, session=self._session, id=id, command=command))
        if command == "load":
            with self._lock:
                self._loaded = True
        return answer

    def _perform(self, job: _Job) -> Message:
        if self._engine is None:
            self._engine = self._import_engine(job.report)
        # The payload's type was chosen by the command's name; so is the method.
        method: Callable[[Any, ThinnedReport], Message] = getattr(self._engine, job.request.command)
        return method(job.request.payload, job.report)

    def _import_early(self) -> None:
        """Imports the engine (seconds, for torch) before the first command arrives.

        A failure here is reported in reply to the first command.
        """
        try:
            self._engine = self._build()
        except Exception as error:
            self._early_failure = error

    def _import_engine(self, report: ThinnedReport) -> object:
        report("import", 0, 1, "engine")
        early, self._early_failure = self._early_failure, None
        try:
            if early is not None:
                raise early
            engine = self._build()
        except (ImportError, OSError) as error:  # OSError: a shared library that does not load
            raise MissingEnvironment(
                f"engine '{self._engine_name}' cannot be imported: {error}; install the worker's "
                "packages into the Python that runs it (`averse doctor` shows how)"
            ) from error
        report("import", 1, 1, "engine")
        return engine

    # ── both ────────────────────────────────────────────────────────────────────────────────

    def _progress_of(self, id: int) -> Callable[[str, int, int, str, float | None], None]:
        def send(phase: str, done: int, total: int, unit: str, loss: float | None) -> None:
            self._send(
                Progress(
                    session=self._session,
                    id=id,
                    phase=phase,
                    done=done,
                    total=total,
                    unit=unit,
                    loss=loss,
                )
            )

        return send

    def _reply(self, id: int, result: Message) -> None:
        self._send(Reply(session=self._session, id=id, result=result))

    def _send(self, message: Message) -> None:
        self._send_bytes(encode(message))
