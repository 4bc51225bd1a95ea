"""Workers that are started by hand and wait for controllers: `averse_worker --attach FILE`.

    controller listens at host:port + n ◀── knocks ── slot n of this program
                     ◀═══ tcp, CURVE ════ worker process, one per controller

A session is served by a process of its own: it has no models of an earlier run, a hung one can be
given up, and memory comes back with its end. The slots outlive it and wait for the next controller.
"""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

from averse_worker.wire.keys import Key, private_bytes

KNOCK_SECONDS: Final = 0.5
"""Between two looks whether a controller listens."""

RETRY_SECONDS: Final = 5
"""After a worker that ended without having served anybody."""

_CONNECT_MS: Final = 10_000

EXIT_ARGUMENTS: Final = 2


class _File(msgspec.Struct, forbid_unknown_fields=True):
    host: Annotated[str, msgspec.Meta(min_length=1)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)]
    session: Annotated[str, msgspec.Meta(min_length=1)]
    server_public: Key
    server_secret: Key
    client_public: Key
    client_secret: Key


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One worker: where its controller listens, and what it comes in with."""

    host: str
    port: int
    session: str
    keys: bytes
    """As `--keys -` reads them."""

    @property
    def endpoint(self) -> str:
        """As ZeroMQ writes it."""
        return f"tcp://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def read_slots(path: Path) -> list[Slot]:
    """The workers of a file that `averse backends keys` made.

    Raises:
        ValueError: it cannot be read, other users may read it, or it is no such file.
    """
    try:
        file = msgspec.json.decode(private_bytes(path), type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' is no file of `averse backends keys`: {error}") from None
    keys = {
        "server_public": file.server_public,
        "client_public": file.client_public,
        "client_secret": file.client_secret,
    }
    return [
        Slot(
            host=file.host,
            port=file.port + at,
            session=file.session,
            keys=json.dumps(keys).encode(),
        )
        for at in range(file.workers)
    ]


def serve(slots: Sequence[Slot], arguments: Sequence[str]) -> int:
    """Serves controllers until SIGTERM or Ctrl-C, which also end what is being served.

    `arguments` are the worker's own, such as `--engine`. Returns the exit code: 0, or 2 where the
    worker refuses its arguments.
    """
    ended = threading.Event()
    codes: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    threads = [
        threading.Thread(target=_serve_slot, args=(slot, arguments, ended, codes)) for slot in slots
    ]
    for thread in threads:
        thread.start()
    # Python runs a handler in the main thread, which must not be in a wait without an end.
    while not ended.wait(KNOCK_SECONDS):
        pass
    for thread in threads:
        thread.join()
    return max(codes, default=0)


def _serve_slot(
    slot: Slot, arguments: Sequence[str], ended: threading.Event, codes: list[int]
) -> None:
    _say(f"waiting for a controller at {slot.endpoint}; Ctrl-C ends this worker")
    while not ended.is_set():
        if not _listens(slot):
            ended.wait(KNOCK_SECONDS)
            continue
        _say(f"serving the controller at {slot.endpoint}")
        code = _serve_once(slot, arguments, ended)
        if ended.is_set():
            return
        if code == EXIT_ARGUMENTS:
            codes.append(code)
            ended.set()
            return
        _say(f"the worker ended with code {code}; waiting for a controller at {slot.endpoint}")
        if code != 0:
            ended.wait(RETRY_SECONDS)


def _listens(slot: Slot) -> bool:
    try:
        socket.create_connection((slot.host, slot.port), timeout=10).close()
    except OSError:
        return False
    return True


def _serve_once(slot: Slot, arguments: Sequence[str], ended: threading.Event) -> int:
    command = [sys.executable, "-m", "averse_worker", "--endpoint", slot.endpoint]
    command += ["--session", slot.session, "--keys", "-"]
    command += ["--connect-timeout-ms", str(_CONNECT_MS), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        worker.stdin.write(slot.keys)
        worker.stdin.close()
        while True:
            try:
                return worker.wait(KNOCK_SECONDS)
            except subprocess.TimeoutExpired:
                if ended.is_set():
                    worker.terminate()


def _say(text: str) -> None:
    print(f"averse_worker: {text}", file=sys.stderr, flush=True)
