"""The engines by name. Capabilities are known here without importing what an engine needs."""

import importlib
from typing import Final

from averse_worker.engine.contract import Engine
from averse_worker.wire.messages.envelope import Capabilities

CAPABILITIES: Final[dict[str, Capabilities]] = {
    "fake": Capabilities(sft=True, lora=False, prefix_baseline=True, average=True, checkpoint=True),
    "torch": Capabilities(sft=True, lora=True, prefix_baseline=True, average=True, checkpoint=True),
}

_CLASSES: Final[dict[str, tuple[str, str]]] = {
    "fake": ("averse_worker.engine.fake.engine", "FakeEngine"),
    "torch": ("averse_worker.engine.torch.engine", "TorchEngine"),
}


def build_engine(name: str) -> Engine:
    """Imports and makes the engine; takes seconds for torch.

    Raises:
        ImportError: a package that the engine needs is missing.
    """
    module, engine_class = _CLASSES[name]
    engine: Engine = getattr(importlib.import_module(module), engine_class)()
    return engine
