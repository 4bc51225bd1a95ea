"""The real worker with an engine that hangs in C code and keeps Python's lock: no thread goes on.

Nor can it watch its parent: Linux kills it with that.
"""

import ctypes
import os
import signal
import time
from typing import Any

from real_worker import serve

from averse_worker.engine.contract import Report
from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.wire.parent import PR_SET_PDEATHSIG


class HangingEngine(FakeEngine):
    """Reads from a pipe into which nothing is written, without letting go of the lock."""

    def update(self, payload: Any, report: Report) -> Any:
        report("update", 3, 8, "minibatches")
        time.sleep(1)  # lets the control thread send it
        return self._hang_in_c()

    def _hang_in_c(self) -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        reader, _writer = os.pipe()
        ctypes.PyDLL(None).read(reader, ctypes.create_string_buffer(1), 1)


serve(HangingEngine)
