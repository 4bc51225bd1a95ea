"""No orphans: a worker leaves when the process that started it is gone."""

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1
"""From linux/prctl.h: the signal this process gets when its parent dies."""


class Parent:
    """The process that started this one; make it early, while the parent is surely alive."""

    def __init__(self) -> None:
        self._pid = os.getppid()

    def gone(self) -> bool:
        """Whether this process has been handed over to another parent (init or a subreaper)."""
        return os.getppid() != self._pid

    def follow_into_death(self) -> None:
        """Asks Linux for a SIGKILL when the parent dies; elsewhere `gone` has to be polled.

        A second net below `gone`: it holds from now on, whatever this process is busy with, and
        also while it is stopped (SIGSTOP), when it would heed no other signal. Where the kernel
        refuses (a sandbox), `gone` alone has to do.
        """
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
