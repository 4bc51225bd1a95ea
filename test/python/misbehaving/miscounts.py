"""The real worker, but with one gradient step too many in the answer to every update."""

import msgspec
from real_worker import serve

from averse_worker.engine.contract import Report
from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.wire.messages.training import UpdatePayload, UpdateResult


class Miscounting(FakeEngine):
    """Takes the right ones."""

    def update(self, payload: UpdatePayload, report: Report) -> UpdateResult:
        """As the fake engine's, but for the count."""
        result = super().update(payload, report)
        return msgspec.structs.replace(result, gradient_steps=result.gradient_steps + 1)


serve(Miscounting)
