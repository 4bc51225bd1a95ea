"""The real worker with an engine that hangs in `update`; the control thread goes on answering."""

import threading
from typing import Any

from real_worker import serve

from averse_worker.engine.contract import Report
from averse_worker.engine.fake.engine import FakeEngine


class HangingEngine(FakeEngine):
    """Waits for what never comes, after three of eight steps."""

    def update(self, payload: Any, report: Report) -> Any:
        report("update", 3, 8, "minibatches")
        return self._wait_for_the_other_ranks()

    def _wait_for_the_other_ranks(self) -> None:
        threading.Event().wait()


serve(HangingEngine)
