"""The fake worker with devices that it has not. Arguments: a file that each worker adds a line to,
what `auto` takes, all devices with commas between, then the worker's own."""

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from averse_worker import __main__ as worker
from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.wire.messages.load import DeviceFacts, DevicesResult

started, auto, names, *arguments = sys.argv[1:]


class SeveralDevices(FakeEngine):
    def devices(self, payload: Any, report: Any) -> DevicesResult:
        facts = [
            DeviceFacts(name=name, description="made up", memory_bytes=None)
            for name in names.split(",")
        ]
        return DevicesResult(auto=auto, devices=facts, cores=3)

    def load(self, payload: Any, report: Any) -> Any:
        with Path(started).open("a") as file:
            file.write(f"load {payload.backend.device}\n")
        backend = msgspec.structs.replace(payload.backend, device="cpu")
        return super().load(msgspec.structs.replace(payload, backend=backend), report)


with Path(started).open("a") as file:
    file.write(f"start {os.getpid()}\n")
worker.build_engine = lambda _name, _place: SeveralDevices()
sys.exit(worker.main(arguments))
