"""The result of `load` of the torch engine: what was loaded, from what, and on which machine."""

import importlib.metadata
import platform
import time
from typing import Final

import torch

from averse_worker import __version__
from averse_worker.data.builtin import Split
from averse_worker.engine.torch.loaded import Folders, Loaded
from averse_worker.models.window import context_of
from averse_worker.platform.device import Device
from averse_worker.platform.gpu import gpu_state
from averse_worker.platform.memory import resident_bytes
from averse_worker.wire.messages.base import uint32_bytes
from averse_worker.wire.messages.data import SplitFacts
from averse_worker.wire.messages.load import (
    HttpScorer,
    LoadPayload,
    LoadResult,
    PromptSet,
    RowFacts,
)

_PACKAGES: Final = ("torch", "transformers", "trl", "peft", "tokenizers", "safetensors", "numpy")


def load_result(loaded: Loaded, started: float) -> LoadResult:
    """The result of the `load` that began at `started`, of `time.perf_counter`."""
    policy, device, backend = loaded.training.policy, loaded.device, loaded.payload.backend
    digests = loaded.digests()
    found = versions(loaded.folders) | device.versions
    machine = found | machine_facts(device) | dict(loaded.ranks.facts)

    def prompt_set(split: Split) -> PromptSet:
        return PromptSet(
            ids=uint32_bytes(loaded.prompts[split].prompts.ids),
            scores_digest=loaded.scores_digest(split, digests, machine),
        )

    def row_facts(split: Split) -> SplitFacts:
        prompts = loaded.prompts[split].prompts
        return loaded.data.facts(split, prompts.dropped, prompts.truncated)

    return LoadResult(
        device=str(device.torch_device),
        device_name=device.name,
        dtype=backend.dtype,
        threads=torch.get_num_threads(),
        processes=loaded.ranks.count,
        parameters=policy.size,
        context=context_of(policy.actor.causal),
        train=prompt_set("train"),
        test=prompt_set("test"),
        sft_digest=loaded.sft_digest(digests, machine),
        overlap=loaded.data.overlap,
        rows=RowFacts(train=row_facts("train"), test=row_facts("test")),
        template=loaded.template,
        versions=found,
        nondeterminism=[
            *device.nondeterminism(backend.deterministic),
            *servers(loaded.payload),
        ],
        model_settings={key: dict(found) for key, found in loaded.settings.items()},
        digests=digests,
        memory_bytes=resident_bytes(),
        gpu=gpu_state(device.torch_device),
        seconds=time.perf_counter() - started,
    )


def servers(payload: LoadPayload) -> list[str]:
    """Rewards and judges that are not of this machine."""
    named = [(f"reward {one.name}", one.scorer) for one in payload.rewards]
    named += [(f"judge {one.name}", one.scorer) for one in payload.judges]
    return [f"the {name} is a server's" for name, one in named if isinstance(one, HttpScorer)]


def machine_facts(device: Device) -> dict[str, str]:
    """What figures depend on beside versions."""
    return {
        "device": f"{device.torch_device} {device.name}",
        "threads": str(torch.get_num_threads()),
    }


def package_versions() -> dict[str, str]:
    """Of programs and packages by name."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"averse_worker": __version__, "python": platform.python_version()} | found


def versions(folders: Folders) -> dict[str, str]:
    """Of programs and packages by name; of models from the hub, their commit by config key."""
    # The hub's cache: models--<name>/snapshots/<commit>.
    commits = {
        model.key: model.path.name
        for model in folders.all()
        if model.path.parent.name == "snapshots"
    }
    return package_versions() | commits
