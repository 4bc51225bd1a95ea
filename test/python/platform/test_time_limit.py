"""A limit on time: the alarm rings in the block and nowhere else, and nothing of it stays."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from averse_worker.platform.time_limit import TimedOut, time_limit


@pytest.fixture(autouse=True)
def former_handler() -> Iterator[None]:
    """A handler of somebody else, which must be in its place again after every block."""
    mine = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    yield
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    signal.signal(signal.SIGALRM, mine)


def forever() -> None:
    """Only an alarm ends it."""
    while True:
        time.sleep(0.001)


def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(TimedOut), time_limit(0.01):
        forever()


def test_a_busy_loop_is_ended_too() -> None:
    def spin() -> None:
        while True:
            pass

    with pytest.raises(TimedOut), time_limit(0.01):
        spin()


def test_code_that_catches_every_exception_does_not_catch_this() -> None:
    def careless() -> None:
        while True:
            with contextlib.suppress(Exception):
                forever()

    with pytest.raises(TimedOut), time_limit(0.01):
        careless()


def test_what_is_in_time_goes_on() -> None:
    with time_limit(1000):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 900
        found = sum(range(10))
    assert found == 45


def test_errors_of_the_block_come_through() -> None:
    with pytest.raises(KeyError), time_limit(1000):
        raise KeyError("mine")


def test_an_alarm_that_comes_late_hits_nobody() -> None:
    with time_limit(1000):
        late = signal.getsignal(signal.SIGALRM)
    assert callable(late)
    late(signal.SIGALRM, None)


def test_zero_is_no_limit() -> None:
    with time_limit(0):
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN


def test_another_thread_has_no_limit() -> None:
    seen: list[float] = []

    def work() -> None:
        with time_limit(1000):
            seen.append(signal.getitimer(signal.ITIMER_REAL)[0])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [0.0]
