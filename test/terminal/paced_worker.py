"""The fake engine at a pace that can be watched: a pause before each rollout.

The pause, in seconds, is the environment's AVERSE_TEST_PACE.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "misbehaving"))

from real_worker import serve

from averse_worker.engine.contract import Report
from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.wire.messages.training import RolloutPayload, RolloutResult

PACE = float(os.environ.get("AVERSE_TEST_PACE", "0.02"))


class PacedEngine(FakeEngine):
    """The same figures as the fake engine's."""

    def rollout(self, payload: RolloutPayload, report: Report) -> RolloutResult:
        """After the pause."""
        time.sleep(PACE)
        return super().rollout(payload, report)


serve(PacedEngine)
