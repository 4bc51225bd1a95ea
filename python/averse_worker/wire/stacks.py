"""Stacks of all threads on standard error at SIGUSR1: where a worker hangs.

The handler is C code that needs no lock of Python's, so it works whatever the threads are doing.
"""

import contextlib
import faulthandler
import os
import signal
from typing import Final

STDERR: Final = 2
"""The descriptor: it stays valid when a library replaces `sys.stderr`."""

END: Final = "averse_worker: end of stacks"
"""The controller stops waiting at this line."""


def write_stacks_on_signal() -> None:
    """Makes SIGUSR1 write the stacks; call it early, and in the main thread."""
    # Runs after the stacks are written. It does nothing, but with it Python writes the signal to
    # the wake-up descriptor, which wakes the control thread.
    signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
    faulthandler.register(signal.SIGUSR1, file=STDERR, all_threads=True, chain=True)


def end_stacks() -> None:
    """Writes the end marker. Without Python's buffers, whose lock a hung thread may hold."""
    with contextlib.suppress(OSError):  # standard error may have gone with the controller
        os.write(STDERR, f"{END}\n".encode())
