"""The fake worker on a GPU that it has not. Arguments: its load or `unread`, then the worker's."""

import sys

from averse_worker import __main__ as worker
from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.wire.messages.base import GpuState

load, *arguments = sys.argv[1:]
gpu = GpuState(
    load=None if load == "unread" else float(load),
    memory_used_bytes=12_400_000_000,
    memory_total_bytes=139_000_000_000,
)
worker.build_engine = lambda _name, _place: FakeEngine(gpu=gpu)
sys.exit(worker.main(arguments))
