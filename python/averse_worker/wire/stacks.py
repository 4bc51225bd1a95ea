"""Stacks of all threads on standard error at SIGUSR1: where a worker hangs.

The handler is C code that needs no lock of Python's, so it works whatever the threads are doing.
"""

import contextlib
import faulthandler
import os
import signal
from typing import Final

STDERR: Final = 2
"""The descriptor: it stays what it is when a library puts another `sys.stderr`."""

END: Final = "averse_worker: end of stacks"
"""The controller stops waiting at this line."""


def write_stacks_on_signal() -> None:
    """Makes SIGUSR1 write the stacks; call it early, and in the main thread."""
    # Chained after the stacks. Does nothing, but its being there makes Python write the signal to
    # the wake-up descriptor, and so the control thread hears of it.
    signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
    faulthandler.register(signal.SIGUSR1, file=STDERR, all_threads=True, chain=True)


def end_stacks() -> None:
    """Says that they are complete. Without Python's buffers, whose lock a hung thread may hold."""
    with contextlib.suppress(OSError):  # standard error may have gone with the controller
        os.write(STDERR, f"{END}\n".encode())
