"""What the misbehaving workers share: the socket, the hello, and answers of the fake engine."""

import argparse
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# These scripts are started by path, with whatever Python the tests use.
sys.path.insert(0, str(Path(__file__).parents[3] / "python"))

import zmq

from averse_worker import __version__
from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.engine.registry import ENGINES
from averse_worker.platform.memory import resident_bytes
from averse_worker.wire.intake import Accepted, read_request
from averse_worker.wire.messages.base import Message
from averse_worker.wire.messages.envelope import (
    PROTOCOL_VERSION,
    Empty,
    Hello,
    PingResult,
    Progress,
    Reply,
    encode,
)


def leave_with_parent() -> None:
    """Ends this process once its parent is gone: tests that fail leave nothing behind."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Peer:
    """A worker in one thread that does what it is told, message by message."""

    def __init__(self, engine: FakeEngine | None = None) -> None:
        leave_with_parent()
        parser = argparse.ArgumentParser()
        parser.add_argument("--endpoint", required=True)
        parser.add_argument("--session", required=True)
        arguments, _ = parser.parse_known_args()
        self.session: str = arguments.session
        self._engine = engine or FakeEngine()
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.HEARTBEAT_IVL, 500)
        self._socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 10_000)
        self._socket.connect(arguments.endpoint)

    def hello(self, *, protocol: int = PROTOCOL_VERSION, session: str | None = None) -> None:
        facts = ENGINES["fake"]
        self.send(
            Hello(
                protocol=protocol,
                session=session or self.session,
                pid=os.getpid(),
                host=os.uname().nodename,
                engine="fake",
                version=__version__,
                capabilities=facts.capabilities,
                engine_options=facts.options,
                limits=list(facts.limits),
                figures=facts.figures,
            )
        )

    def requests(self) -> Iterator[Accepted]:
        """Requests as they come; they are the controller's, and taken to be right."""
        while True:
            yield read_request(self._socket.recv_multipart(), self.session)

    def answer(self, request: Accepted) -> Reply:
        """The right reply."""
        return Reply(session=self.session, id=request.id, result=self._result(request))

    def send(self, message: Message) -> None:
        self.send_bytes(encode(message))

    def send_bytes(self, data: bytes) -> None:
        self._socket.send(data)

    def leave_if_asked(self, request: Accepted) -> None:
        """Exits after a `shutdown` that has been answered."""
        if request.command == "shutdown":
            self._socket.close(linger=1000)
            zmq.Context.instance().term()
            sys.exit(0)

    def _result(self, request: Accepted) -> Message:
        if request.command == "ping":
            return PingResult(busy=None, phase=None, memory_bytes=resident_bytes())
        if request.command in ("interrupt", "shutdown"):
            return Empty()

        def report(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
            self.send(
                Progress(
                    session=self.session,
                    id=request.id,
                    phase=phase,
                    done=done,
                    total=total,
                    unit=unit,
                    loss=loss,
                )
            )

        method: Any = getattr(self._engine, request.command)
        result: Message = method(request.payload, report)
        return result
