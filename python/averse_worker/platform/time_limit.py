"""A time limit on Python code that changes neither its threads nor its bits, and pauses."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

_SIGN_OF_LIFE: Final = 0.2
"""seconds between them"""


class TimedOut(BaseException):
    """The limit has passed. No `Exception`: the code under it must not take it for one of its own
    errors and continue."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises in the block once `seconds` have passed; 0: no limit.

    The alarm is a signal, which Python code notices between two operations: a call into C that
    never returns is not ended. Without effect off the main thread, and on systems without timers.

    Raises:
        TimedOut: out of the block.
    """
    on_main_thread = threading.current_thread() is threading.main_thread()
    if not seconds or not on_main_thread or not hasattr(signal, "setitimer"):
        yield
        return
    armed = True

    def expire(number: int, frame: FrameType | None) -> None:
        # An alarm may be pending when the block ends: it must not be raised after the block.
        if armed:
            raise TimedOut

    former = signal.signal(signal.SIGALRM, expire)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            yield
        finally:
            armed = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def pause(seconds: float, alive: Callable[[], None]) -> None:
    """Waits; an interrupt is noticed by the signs of life in between."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        alive()
        time.sleep(min(left, _SIGN_OF_LIFE))
