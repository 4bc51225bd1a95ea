"""What is reported of a GPU, with stand-ins for what the driver would say."""

from typing import Any

import pytest
import torch

from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.platform.gpu import gpu_state
from averse_worker.wire.messages.base import GpuState, uint32_array
from payloads import evaluate_payload, load_payload, rollout_payload, update_payload

GIB = 2**30
DEVICE = torch.device("cuda", 1)


def quiet(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the driver says of the second GPU; an exception as `percent` is raised."""
    says: dict[str, Any] = {"free": 30 * GIB, "total": 80 * GIB, "percent": 78}

    def utilization(device: torch.device) -> int:
        assert device == DEVICE
        percent = says["percent"]
        if isinstance(percent, Exception):
            raise percent
        return int(percent)

    def mem_get_info(device: torch.device) -> tuple[int, int]:
        assert device == DEVICE
        return says["free"], says["total"]

    monkeypatch.setattr("torch.cuda.utilization", utilization)
    monkeypatch.setattr("torch.cuda.mem_get_info", mem_get_info)
    return says


class NVMLError_NotSupported(Exception):  # noqa: N801, N818 — as pynvml has it
    """A slice of a GPU has no load of its own."""


@pytest.mark.parametrize(("percent", "load"), [(78, 0.78), (0, 0.0), (100, 1.0)])
def test_load_and_memory_are_the_worker_s_own_gpu_s(
    driver: dict[str, Any], percent: int, load: float
) -> None:
    driver["percent"] = percent
    assert gpu_state(DEVICE) == GpuState(
        load=load, memory_used_bytes=50 * GIB, memory_total_bytes=80 * GIB
    )


@pytest.mark.parametrize(
    "answer",
    [
        ModuleNotFoundError("nvidia-ml-py does not seem to be installed"),
        RuntimeError("cuda driver can't be loaded, is cuda enabled?"),
        NVMLError_NotSupported("Not Supported"),
        2**32 - 1,
    ],
)
def test_a_load_that_cannot_be_read_is_absent_and_not_0(
    driver: dict[str, Any], answer: object
) -> None:
    driver["percent"] = answer
    assert gpu_state(DEVICE) == GpuState(
        load=None, memory_used_bytes=50 * GIB, memory_total_bytes=80 * GIB
    )


def test_without_nvml_torch_raises_what_is_taken_for_no_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """torch's own words, wherever this runs: neither package nor driver is needed for them."""
    monkeypatch.setattr("torch.cuda._HAS_PYNVML", False)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda _: (GIB, 2 * GIB))
    with pytest.raises(ModuleNotFoundError):
        torch.cuda.utilization(DEVICE)
    state = gpu_state(DEVICE)
    assert state is not None
    assert state.load is None


def test_metal_tells_memory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.mps.driver_allocated_memory", lambda: 3 * GIB)
    monkeypatch.setattr("torch.mps.recommended_max_memory", lambda: 12 * GIB)
    assert gpu_state(torch.device("mps")) == GpuState(
        load=None, memory_used_bytes=3 * GIB, memory_total_bytes=12 * GIB
    )


def test_a_cpu_is_no_gpu() -> None:
    assert gpu_state(torch.device("cpu")) is None


@pytest.mark.parametrize(
    "gpu", [None, GpuState(load=0.5, memory_used_bytes=1, memory_total_bytes=2)]
)
def test_the_fake_engine_reports_what_it_is_given(gpu: GpuState | None) -> None:
    engine = FakeEngine(gpu=gpu)
    loaded = engine.load(load_payload(), quiet)
    rollout = engine.rollout(rollout_payload(uint32_array(loaded.train.ids)[:4]), quiet)
    updated = engine.update(update_payload(rollout.rollout, [1.0] * 4), quiet)
    evaluated = engine.evaluate(evaluate_payload(uint32_array(loaded.test.ids)[:4]), quiet)
    assert [loaded.gpu, updated.gpu, evaluated.gpu] == [gpu] * 3


def test_the_torch_engine_reports_the_gpu_of_its_device(
    torch_load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from averse_worker.engine.torch.engine import TorchEngine

    asked: list[str] = []

    def state(device: torch.device) -> GpuState:
        asked.append(str(device))
        return GpuState(load=None, memory_used_bytes=len(asked), memory_total_bytes=9)

    for module in ("engine", "load_result"):
        monkeypatch.setattr(f"averse_worker.engine.torch.{module}.gpu_state", state)
    engine = TorchEngine()
    loaded = engine.load(torch_load, quiet)
    rollout = engine.rollout(rollout_payload(uint32_array(loaded.train.ids)[:4]), quiet)
    updated = engine.update(update_payload(rollout.rollout, [1.0] * 4), quiet)
    evaluated = engine.evaluate(evaluate_payload(uint32_array(loaded.test.ids)[:4]), quiet)
    states = [loaded.gpu, updated.gpu, evaluated.gpu]
    assert [one.memory_used_bytes for one in states if one is not None] == [1, 2, 3]
    assert asked == ["cpu"] * 3
    assert min(loaded.memory_bytes, updated.memory_bytes, evaluated.memory_bytes) > 2**20
