"""The real worker, killed by SIGKILL inside `sft` while that has a temporary folder.

Tells the folder on standard error before.
"""

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "misbehaving"))

from real_worker import serve

from averse_worker.engine.contract import Report
from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.wire.messages.training import SftPayload


class Engine(FakeEngine):
    """Dies in `sft`."""

    def sft(self, payload: SftPayload, report: Report) -> NoReturn:
        with tempfile.TemporaryDirectory(prefix="averse-sft-") as folder:
            (Path(folder) / "half a file").touch()
            print(folder, file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()
        raise AssertionError("outlived SIGKILL")


serve(Engine)
