"""No orphans: a worker exits when the process that started it is gone."""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from typing import Final

CONTROLLER: Final = "AVERSE_CONTROLLER_PID"
"""Set by a controller on the same machine: its process id."""

PR_SET_PDEATHSIG: Final = 1
"""From linux/prctl.h: the signal this process gets when its parent dies."""


class Parent:
    """The process that started this one, and the controller where its process id is known.

    The second covers the start of Python: a worker whose parent dies before this object exists
    would take init for its parent.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._pid = os.getppid()
        pid = environment.get(CONTROLLER, "")
        self._controller = int(pid) if pid.isdigit() else None

    def gone(self) -> bool:
        """Whether this process was handed over to another parent, or its controller is gone."""
        return os.getppid() != self._pid or not _lives(self._controller)

    def follow_into_death(self) -> None:
        """Asks Linux for a SIGKILL when the parent dies; elsewhere `gone` has to be polled.

        A second net below `gone`: it holds from now on, whatever this process is busy with, and
        also while it is stopped (SIGSTOP), when no other signal would reach it. Where the kernel
        refuses (a sandbox), only `gone` is left.
        """
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _lives(pid: int | None) -> bool:
    if pid is None:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, and another user's
    return True
