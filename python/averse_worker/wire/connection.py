"""The socket to the controller; the only file that knows zmq.

    controller (ROUTER, binds) ══ one frame per message ══ (DEALER, connects) control thread
                                                              ▲ wake-up  │ receive(bytes)
    engine thread ── send(bytes) ──▶ queue ───────────────────┘          ▼
    signals ── C-level write ──▶ signal socket ──▶ control thread      server

One thread owns the socket: the one in `run`. `send` and `close` may be called from any thread.
ZMTP heartbeats are answered by libzmq's own thread, so they tell a dead peer from a busy one.
"""

import enum
import queue
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from averse_worker.wire.keys import Keys
from averse_worker.wire.messages.envelope import MAX_MESSAGE_BYTES

WATCH_INTERVAL_MS: Final = 500
"""How often `run` checks its deadlines and whether the worker is an orphan."""

FLUSH_MS: Final = 1000
"""How long an orderly close waits for the last reply to be sent."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Deadlines of one connection, in milliseconds."""

    heartbeat_ms: int = 500
    """Between two ZMTP pings."""
    heartbeat_timeout_ms: int = 5000
    """Timeout after which the controller counts as gone. Ten intervals: on a box with more busy
    threads than cores libzmq's thread may itself wait a second or two for its turn."""
    connect_timeout_ms: int = 30_000
    """From the start to the first handshake with the controller."""


class Ending(enum.Enum):
    """Why `run` came to an end."""

    CLOSED = "close() was called and all messages were handed over"
    NEVER_CONNECTED = "no controller answered within --connect-timeout-ms"
    LOST = "the controller closed the connection or stopped answering"
    ORPHANED = "the process that started this worker is gone"
    TERMINATED = "received SIGTERM"


class Connection:
    """A DEALER socket, a queue of outgoing messages, and the wake-ups of the thread in `run`."""

    def __init__(self, endpoint: str, timing: Timing, keys: Keys | None = None) -> None:
        """Prepares the connection to `endpoint`; `run` opens it.

        `keys` are required for tcp://… and not allowed for ipc://….

        Raises:
            ValueError: zmq cannot read the endpoint, or its keys are missing or not allowed.
        """
        _check_listener(endpoint, keys)
        self._timing = timing
        self._outgoing: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._next: bytes | None = None
        """Taken from the queue, not sent yet; for the thread in `run` alone."""
        self._closing = False
        # Socket pairs and not zmq PAIRs: these are safe to write from any thread and from a
        # signal, and zmq polls them beside its own sockets.
        self._wake_reader, self._wake_writer = _nonblocking_pair()
        # Apart from the wake-ups, whose buffer may be full at the moment a signal arrives.
        self._signal_reader, self._signal_writer = _nonblocking_pair()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.setsockopt(zmq.HEARTBEAT_IVL, timing.heartbeat_ms)
        self._socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, timing.heartbeat_timeout_ms)
        if keys is not None:
            self._socket.curve_serverkey = keys.server_public
            self._socket.curve_publickey = keys.client_public
            self._socket.curve_secretkey = keys.client_secret
        if endpoint.startswith("tcp://["):
            # Not for names: libzmq would look for their IPv6 address, and for no other.
            self._socket.setsockopt(zmq.IPV6, 1)
        self._events = self._socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        )
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self._close_sockets(linger_ms=0)
            raise ValueError(
                f"cannot connect to endpoint '{endpoint}': {error}; "
                "expected ipc://PATH or tcp://HOST:PORT"
            ) from error

    @property
    def signal_fd(self) -> int:
        """File descriptor for `signal.set_wakeup_fd`, so that signals reach `run` at once.

        Python runs a signal's handler in the main thread between two bytecodes; this way a
        worker leaves even while its main thread is deep in one long tensor operation.
        """
        return self._signal_writer.fileno()

    def send(self, message: bytes) -> None:
        """Queues one message (`envelope.encode` checks its size); from any thread."""
        self._outgoing.put(message)
        self._wake()

    def close(self) -> None:
        """Lets `run` send what is queued and come to its end; from any thread."""
        self._closing = True
        self._wake()

    def run(
        self,
        receive: Callable[[list[bytes]], None],
        orphaned: Callable[[], bool],
        signalled: Callable[[int], None] = lambda _number: None,
    ) -> Ending:
        """Moves messages until the connection ends; the calling thread owns the socket.

        `receive` gets the frames of each message (one, when the peer keeps to the protocol) and
        must not block. `orphaned` is called at least every `WATCH_INTERVAL_MS`, `signalled`
        for each signal; SIGTERM then ends the connection.
        """
        poller = zmq.Poller()
        for source in (self._socket, self._events, self._wake_reader, self._signal_reader):
            poller.register(source, zmq.POLLIN)
        ending = None
        try:
            ending = self._loop(poller, receive, orphaned, signalled)
        finally:
            self._close_sockets(linger_ms=FLUSH_MS if ending is Ending.CLOSED else 0)
        return ending

    def _loop(
        self,
        poller: zmq.Poller,
        receive: Callable[[list[bytes]], None],
        orphaned: Callable[[], bool],
        signalled: Callable[[int], None],
    ) -> Ending:
        connected = False
        connect_deadline = time.monotonic() + self._timing.connect_timeout_ms / 1000
        while True:
            ready = dict(poller.poll(WATCH_INTERVAL_MS))
            if self._signal_reader.fileno() in ready:
                for number in (numbers := _drain(self._signal_reader)):
                    signalled(number)
                if signal.SIGTERM in numbers:
                    return Ending.TERMINATED
            if self._events in ready:
                event = recv_monitor_message(self._events)["event"]
                if event == zmq.EVENT_DISCONNECTED and connected:
                    # No reconnecting: what was on its way is lost, and the controller resumes
                    # from a checkpoint with a new worker sooner than it could recover it.
                    return Ending.LOST
                connected = connected or event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            if self._socket in ready:
                receive(self._socket.recv_multipart())
            if self._wake_reader.fileno() in ready:
                _drain(self._wake_reader)
            self._send_queued()
            if self._closing and self._next is None and self._outgoing.empty():
                return Ending.CLOSED
            if not connected and time.monotonic() > connect_deadline:
                return Ending.NEVER_CONNECTED
            if orphaned():
                return Ending.ORPHANED

    def _send_queued(self) -> None:
        while True:
            try:
                if self._next is None:
                    self._next = self._outgoing.get_nowait()
                # Never waits for room: the socket has no high-water mark; the controller bounds
                # what is queued by asking for one engine command at a time.
                self._socket.send(self._next, zmq.DONTWAIT)
            except queue.Empty:
                return
            except zmq.Again:
                # libzmq gave the connection up (no handshake happened). Waiting for another
                # here, `run` would miss its deadline and every signal.
                return
            self._next = None

    def _wake(self) -> None:
        try:
            self._wake_writer.send(b"\0")
        except BlockingIOError:
            pass  # the buffer is full of wake-ups already: the thread will wake
        except OSError:
            pass  # the connection is over; its thread needs no waking

    def _close_sockets(self, linger_ms: int) -> None:
        self._socket.disable_monitor()
        self._events.close(linger=0)
        self._socket.close(linger=linger_ms)
        self._context.term()


def _check_listener(endpoint: str, keys: Keys | None) -> None:
    """Refuses endpoints whose traffic would be neither local nor encrypted."""
    transport = endpoint.partition("://")[0]
    if transport not in ("ipc", "tcp"):
        raise ValueError(
            f"endpoint '{endpoint}' has another transport; expected ipc://PATH or tcp://HOST:PORT"
        )
    if transport == "tcp" and keys is None:
        raise ValueError(
            f"endpoint '{endpoint}' uses tcp, which requires keys; give --keys FILE "
            "(in a worker file: --keys {keys})"
        )
    if transport == "ipc" and keys is not None:
        raise ValueError(f"endpoint '{endpoint}' uses ipc, which takes no keys; remove --keys")


def _nonblocking_pair() -> tuple[socket.socket, socket.socket]:
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    return reader, writer


def _drain(reader: socket.socket) -> bytes:
    """Reads all bytes that are there; a full buffer is read again at the next poll."""
    return reader.recv(4096)
