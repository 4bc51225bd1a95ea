"""The connection alone, against a bare ROUTER."""

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from averse_worker.wire.connection import Connection, Ending, Timing
from averse_worker.wire.keys import Keys
from averse_worker.wire.messages.envelope import MAX_MESSAGE_BYTES


class Running:
    """A connection in its thread, echoing what it receives."""

    def __init__(
        self, endpoint: str, timing: Timing | None = None, keys: Keys | None = None
    ) -> None:
        self.connection = Connection(endpoint, timing or Timing(heartbeat_ms=50), keys)
        self.orphaned = False
        self.signals: list[int] = []
        self.ending: Ending | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.ending = self.connection.run(self._echo, lambda: self.orphaned, self.signals.append)

    def _echo(self, frames: list[bytes]) -> None:
        self.connection.send(b"+".join(frames))

    def ended(self, timeout: float = 60) -> Ending | None:
        self._thread.join(timeout)
        return self.ending


@pytest.fixture
def endpoint() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="averse-") as folder:
        yield f"ipc://{Path(folder)}/socket"


@pytest.fixture
def router(endpoint: str) -> Iterator[zmq.Socket[bytes]]:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.setsockopt(zmq.LINGER, 0)
        router.setsockopt(zmq.RCVTIMEO, 60_000)
        router.bind(endpoint)
        yield router


def test_messages_go_both_ways(endpoint: str, router: zmq.Socket[bytes]) -> None:
    running = Running(endpoint)
    running.connection.send(b"hello")
    peer, first = router.recv_multipart()
    assert first == b"hello"
    router.send_multipart([peer, b"a", b"b"])
    assert router.recv_multipart()[1] == b"a+b"
    running.connection.close()
    assert running.ended() is Ending.CLOSED


def test_closing_sends_what_is_queued(endpoint: str, router: zmq.Socket[bytes]) -> None:
    running = Running(endpoint)
    # Fewer than a ROUTER's default high-water mark: what a closed peer sent beyond is dropped.
    for number in range(500):
        running.connection.send(b"%d" % number)
    running.connection.close()
    received = [int(router.recv_multipart()[1]) for _ in range(500)]
    assert received == list(range(500))
    assert running.ended() is Ending.CLOSED


def test_messages_of_several_threads_all_arrive(endpoint: str, router: zmq.Socket[bytes]) -> None:
    running = Running(endpoint)

    def send(name: int) -> None:
        for number in range(500):
            running.connection.send(b"%d %d" % (name, number))

    threads = [threading.Thread(target=send, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    received = [tuple(map(int, router.recv_multipart()[1].split())) for _ in range(2000)]
    for name in range(4):
        assert [n for who, n in received if who == name] == list(range(500))
    running.connection.close()
    assert running.ended() is Ending.CLOSED


def test_a_megabyte_wakes_the_thread_at_once(
    endpoint: str, router: zmq.Socket[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No polling interval in the way: this one would never be over."""
    monkeypatch.setattr("averse_worker.wire.connection.WATCH_INTERVAL_MS", 10**9)
    running = Running(endpoint)
    running.connection.send(b"hello")
    router.recv_multipart()
    for _ in range(9):
        running.connection.send(b"\0" * 2**20)
        assert len(router.recv_multipart()[1]) == 2**20
    running.connection.close()
    assert running.ended() is Ending.CLOSED


def test_a_controller_that_closes_is_noticed(endpoint: str) -> None:
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.bind(endpoint)
    running = Running(endpoint)
    running.connection.send(b"hello")
    router.recv_multipart()
    router.close(linger=0)
    context.term()
    assert running.ended() is Ending.LOST


def test_a_controller_that_never_comes_is_given_up(endpoint: str) -> None:
    running = Running(endpoint, Timing(connect_timeout_ms=200))
    assert running.ended() is Ending.NEVER_CONNECTED


def test_a_listener_that_speaks_no_zmtp_is_given_up(endpoint: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(endpoint.removeprefix("ipc://"))
        listener.listen()
        running = Running(endpoint, Timing(connect_timeout_ms=300))
        assert running.ended() is Ending.NEVER_CONNECTED


def test_a_controller_may_come_after_the_worker(endpoint: str) -> None:
    running = Running(endpoint)
    running.connection.send(b"hello")
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.setsockopt(zmq.RCVTIMEO, 60_000)
        router.bind(endpoint)
        assert router.recv_multipart()[1] == b"hello"
        running.connection.close()
        assert running.ended() is Ending.CLOSED


def test_an_orphan_leaves(endpoint: str, router: zmq.Socket[bytes]) -> None:
    running = Running(endpoint)
    running.orphaned = True
    assert running.ended() is Ending.ORPHANED


def test_a_sigterm_byte_ends_it_even_with_a_full_queue_of_wake_ups(
    endpoint: str, router: zmq.Socket[bytes]
) -> None:
    running = Running(endpoint)
    for _ in range(100_000):
        running.connection._wake()
    os.write(running.connection.signal_fd, bytes([signal.SIGCHLD, signal.SIGTERM]))
    assert running.ended() is Ending.TERMINATED


def test_sending_after_the_end_does_no_harm(endpoint: str, router: zmq.Socket[bytes]) -> None:
    running = Running(endpoint)
    running.connection.close()
    assert running.ended() is Ending.CLOSED
    running.connection.send(b"late")
    running.connection.close()


@pytest.mark.parametrize("endpoint", ["nonsense", "ipc://", "pgm://x", "ws://h:1", "TCP://h:1"])
def test_unreadable_endpoints_are_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="expected ipc://PATH or tcp://HOST:PORT"):
        Connection(endpoint, Timing())


def test_tcp_is_never_without_keys_and_ipc_never_with_them() -> None:
    with pytest.raises(ValueError, match=r"requires keys; give --keys FILE"):
        Connection("tcp://127.0.0.1:1", Timing())
    with pytest.raises(ValueError, match=r"remove --keys"):
        Connection("ipc:///tmp/x", Timing(), new_keys())
    with pytest.raises(ValueError, match="cannot connect to endpoint 'tcp://host'"):
        Connection("tcp://host", Timing(), new_keys())


def new_keys(server_public: bytes | None = None) -> Keys:
    public, secret = zmq.curve_keypair()
    return Keys(
        server_public=server_public or zmq.curve_keypair()[0],
        client_public=public,
        client_secret=secret,
    )


@pytest.fixture
def locked() -> Iterator[tuple[zmq.Socket[bytes], bytes]]:
    """A ROUTER with CURVE on a free port, and its public key."""
    public, secret = zmq.curve_keypair()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.curve_server = True
        router.curve_secretkey = secret
        router.setsockopt(zmq.LINGER, 0)
        router.setsockopt(zmq.RCVTIMEO, 60_000)
        router.bind("tcp://127.0.0.1:*")
        yield router, public


def test_over_tcp_messages_go_both_ways(locked: tuple[zmq.Socket[bytes], bytes]) -> None:
    router, public = locked
    running = Running(router.last_endpoint.decode(), keys=new_keys(public))
    running.connection.send(b"hello")
    peer, first = router.recv_multipart()
    assert first == b"hello"
    router.send_multipart([peer, b"a"])
    assert router.recv_multipart()[1] == b"a"
    running.connection.close()
    assert running.ended() is Ending.CLOSED


def test_another_controllers_key_is_not_spoken_to(
    locked: tuple[zmq.Socket[bytes], bytes],
) -> None:
    router, _ = locked
    endpoint = router.last_endpoint.decode()
    running = Running(endpoint, Timing(connect_timeout_ms=300), keys=new_keys())
    running.connection.send(b"hello")
    assert running.ended() is Ending.NEVER_CONNECTED
    assert router.poll(0) == 0


def test_a_controller_without_keys_is_not_spoken_to() -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.bind("tcp://127.0.0.1:*")
        endpoint = router.last_endpoint.decode()
        running = Running(endpoint, Timing(connect_timeout_ms=300), keys=new_keys())
        running.connection.send(b"hello")
        assert running.ended() is Ending.NEVER_CONNECTED
        assert router.poll(0) == 0


def test_signals_that_are_not_the_end_are_passed_on(
    endpoint: str, router: zmq.Socket[bytes]
) -> None:
    running = Running(endpoint)
    numbers = bytes([signal.SIGUSR1, signal.SIGCHLD, signal.SIGTERM])
    os.write(running.connection.signal_fd, numbers)
    assert running.ended() is Ending.TERMINATED
    assert running.signals == list(numbers)


def test_the_size_limit_is_set_on_the_socket(endpoint: str) -> None:
    connection = Connection(endpoint, Timing())
    assert connection._socket.getsockopt(zmq.MAXMSGSIZE) == MAX_MESSAGE_BYTES
    assert connection._socket.getsockopt(zmq.LINGER) == 0
    connection._close_sockets(linger_ms=0)
