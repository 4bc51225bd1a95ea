"""The controller's end of the wire, for tests with real worker processes."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import msgspec
import zmq

from averse_worker.wire.messages.envelope import PROTOCOL_VERSION

PACKAGE_FOLDER = Path(__file__).parents[2] / "python"

PATIENCE = 60
"""Seconds that an answer, or a process's end, is waited for: only a busy machine needs them."""


class WireController:
    """A ROUTER, one worker process at a time, and requests with ids that count up."""

    session = "a-session"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        # Not in `folder`: the path of a Unix socket is limited to about 100 characters.
        self._socket_folder = tempfile.TemporaryDirectory(prefix="averse-")
        self.endpoint = f"ipc://{self._socket_folder.name}/worker.sock"
        self._router.bind(self.endpoint)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._peer = b""
        self._next_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)
        self.hang_up()
        self._socket_folder.cleanup()

    def hang_up(self) -> None:
        """Closes the socket, as a controller that dies does."""
        self._router.close(linger=0)
        self._context.term()

    def start(self, *arguments: str, script: Path | None = None) -> subprocess.Popen[bytes]:
        """Starts a worker, the real one or `script`; its standard error goes to `stderr.txt`."""
        program = [str(script)] if script else ["-m", "averse_worker", "--engine", "fake"]
        address = ["--endpoint", self.endpoint, "--session", self.session]
        with (self._folder / "stderr.txt").open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, *program, *address, *arguments],
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=PACKAGE_FOLDER,
            )
        self._processes.append(process)
        return process

    def stderr(self) -> str:
        return (self._folder / "stderr.txt").read_text()

    def receive(self, timeout: float = PATIENCE) -> dict[str, Any]:
        """The next message of the worker, decoded without any schema."""
        message: dict[str, Any] = msgspec.msgpack.decode(self.receive_bytes(timeout))
        return message

    def receive_bytes(self, timeout: float = PATIENCE) -> bytes:
        if not self._router.poll(int(timeout * 1000)):
            raise TimeoutError(f"no message in {timeout} s; standard error:\n{self.stderr()}")
        self._peer, data = self._router.recv_multipart()
        return data

    def send_frames(self, *frames: bytes) -> None:
        self._router.send_multipart([self._peer, *frames])

    def send(self, command: str, payload: Any, **envelope: Any) -> int:
        """Sends one request, with fields of the envelope replaced; returns its id."""
        self._next_id += 1
        request = {
            "kind": "request",
            "protocol": PROTOCOL_VERSION,
            "session": self.session,
            "id": self._next_id,
            "command": command,
            "payload": payload,
        }
        self.send_frames(msgspec.msgpack.encode({**request, **envelope}))
        return self._next_id

    def call(self, command: str, payload: Any, timeout: float = PATIENCE, **envelope: Any) -> Any:
        """Sends a request and returns its answer, past the progress."""
        id = self.send(command, payload, **envelope)
        deadline = time.monotonic() + timeout
        while True:
            message = self.receive(deadline - time.monotonic())
            if message["kind"] != "progress":
                assert message["id"] == id, message
                return message
