"""Progress from an engine to the controller, and interrupts from the controller to the engine."""

import threading
import time
from collections.abc import Callable
from typing import Final

from averse_worker.wire.errors import Interrupted

SECONDS_BETWEEN: Final = 0.1
"""Progress of one phase goes out about ten times a second at most."""

Send = Callable[[str, int, int, str, float | None], None]


class ThinnedReport:
    """The `Report` of one command: rate-limits progress and raises once interrupted.

    Sent always: the first report of a phase, and the one that completes it (done = total > 0).
    Anything else waits until `SECONDS_BETWEEN` after the last one sent.
    """

    def __init__(
        self, command: str, send: Send, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._command = command
        self._send = send
        self._clock = clock
        self._interrupted = threading.Event()
        self._last: tuple[str, int, int, str] | None = None
        self._sent_at = 0.0

    @property
    def phase(self) -> str | None:
        """The phase last reported; read by the control thread for `ping`."""
        return self._last[0] if self._last else None

    def interrupt(self) -> None:
        """Makes the next call raise; from any thread."""
        self._interrupted.set()

    def __call__(
        self, phase: str, done: int, total: int, unit: str, loss: float | None = None
    ) -> None:
        """Reports `done` of `total` (0: unknown) in `unit`, and the training loss so far.

        Raises:
            Interrupted: `interrupt` was called.
        """
        if self._interrupted.is_set():
            raise Interrupted(
                f"`{self._command}` was interrupted on request in phase '{phase}' "
                f"at {done} of {total or 'an unknown number of'} {unit}"
            )
        current = (phase, done, total, unit)
        now = self._clock()
        new_phase = self._last is None or self._last[0] != phase
        completed = 0 < total <= done and current != self._last
        self._last = current  # first: the receiver of the progress may ping for the phase
        if new_phase or completed or now - self._sent_at >= SECONDS_BETWEEN:
            self._send(phase, done, total, unit, loss)
            self._sent_at = now
