"""Requests to the server that can be given up at any moment.

A request may take minutes. Meanwhile the main thread gives signs of life, in which an interrupt is
raised; the connections are closed then, and the server drops what it was computing for them.
"""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from averse_worker.platform.http import PASSING, refusal_words, retry_after
from averse_worker.wire.errors import MissingEnvironment

CONNECTIONS: Final = 128
"""requests at once"""
_SIGN_OF_LIFE: Final = 0.2
_CONNECT: Final = 10.0
"""seconds between signs of life, and for a connection to be made"""

Alive = Callable[[], None]
"""A sign of life; raises an interrupt."""


class Lost(Exception):  # noqa: N818 — names a state of the server
    """No answer, or one after which the same request may succeed."""

    def __init__(self, words: str, after: float = 0.0) -> None:
        super().__init__(words)
        self.after = after
        """seconds that the server wants to be left alone"""


@dataclass(frozen=True)
class Call:
    """One request."""

    path: str
    """behind the server's address, with its query"""
    body: Any = None
    """sent as JSON; None: a GET"""


class Connection:
    """A server's address, and what is under way there."""

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        """`timeout`: seconds that an answer may take."""
        self.url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._open: set[HTTPConnection] = set()
        self._lock = threading.Lock()

    def ask(self, call: Call, alive: Alive) -> Any:
        """One answer, as JSON; None: an empty one."""
        [answer] = self.ask_all([call], lambda _, __: alive())
        return answer

    def ask_all(self, calls: Sequence[Call], tick: Callable[[int, Any], None]) -> list[Any]:
        """The answers in the order of the calls.

        Args:
            tick: called with the place and the answer of each call that is done, and with -1 and
                None several times a second.

        Raises:
            Lost: of one of them; the others are given up.
            MissingEnvironment: the server refuses one.
        """
        answers: list[Any] = [None] * len(calls)
        given_up = threading.Event()
        pool = ThreadPoolExecutor(max_workers=min(len(calls), CONNECTIONS))
        try:
            places: dict[Future[Any], int] = {
                pool.submit(self._request, call, given_up): place
                for place, call in enumerate(calls)
            }
            left = set(places)
            while left:
                done, left = wait(left, _SIGN_OF_LIFE, FIRST_COMPLETED)
                for future in done:
                    place = places[future]
                    answers[place] = future.result()
                    tick(place, answers[place])
                tick(-1, None)
        finally:
            given_up.set()
            pool.shutdown(wait=False, cancel_futures=True)
            self._hang_up()
            pool.shutdown(wait=True)
        return answers

    def _request(self, call: Call, given_up: threading.Event) -> Any:
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        kind = HTTPSConnection if secure else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=min(self._timeout, _CONNECT))
        headers = {"Accept": "application/json"}
        body = None
        if call.body is not None:
            body = json.dumps(call.body).encode()
            headers["Content-Type"] = "application/json"
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        where = f"{self.url}{call.path.partition('?')[0]}"
        try:
            with self._registered(connection):
                connection.connect()
                connection.sock.settimeout(self._timeout)
                if given_up.is_set():
                    raise Lost(f"{where} is not asked any more")
                method = "GET" if body is None else "POST"
                connection.request(method, f"{parts.path}{call.path}", body, headers)
                response = connection.getresponse()
                found = response.read()
        except ssl.SSLCertVerificationError as error:
            raise MissingEnvironment(f"{where} is not trusted: {error.verify_message}") from None
        except (OSError, HTTPException) as error:
            words = str(error) or type(error).__name__
            raise Lost(f"{where} gave no answer: {words}") from None
        if response.status != 200:
            words = refusal_words(where, response.status, response.reason, found, self._token)
            if response.status in PASSING:
                raise Lost(words, retry_after(response.headers.get("Retry-After")))
            raise MissingEnvironment(words)
        if not found:
            return None
        try:
            return json.loads(found)
        except (ValueError, RecursionError):
            quoted = refusal_words(where, response.status, "without JSON", found, self._token)
            raise MissingEnvironment(quoted) from None

    @contextlib.contextmanager
    def _registered(self, connection: HTTPConnection) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _hang_up(self) -> None:
        """Ends what is under way: threads in it get an error at once."""
        with self._lock:
            sockets = [connection.sock for connection in self._open]
        for one in sockets:
            with contextlib.suppress(OSError, AttributeError):
                one.shutdown(socket.SHUT_RDWR)
