"""What the device promises: the same bits on a CPU, and plain words about what it does not."""

from collections.abc import Iterator

import pytest
import torch

from averse_worker.platform.device import Device, _nvidia_driver, open_device
from payloads import load_payload


@pytest.fixture(autouse=True)
def former_setting() -> Iterator[None]:
    """Determinism is a setting of the whole process."""
    wanted = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    yield
    torch.use_deterministic_algorithms(wanted, warn_only=warn_only)


def opened(deterministic: bool) -> Device:
    return open_device(load_payload(backend__deterministic=deterministic).backend)


def test_a_cpu_refuses_operations_that_are_not_deterministic() -> None:
    device = opened(True)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert device.nondeterminism(True) == []
    with pytest.raises(RuntimeError, match="deterministic"):
        torch.zeros(4).put_(torch.tensor([1, 1]), torch.tensor([1.0, 2.0]))


def test_it_is_switched_off_by_the_setting_alone() -> None:
    device = opened(False)
    assert not torch.are_deterministic_algorithms_enabled()
    (told,) = device.nondeterminism(False)
    assert "backend.deterministic" in told


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_what_other_devices_give_up_is_told(kind: str) -> None:
    told = Device(torch.device(kind), torch.float32).nondeterminism(True)
    assert len(told) >= 3
    assert all(kind in text for text in told)


def test_a_cpu_has_no_versions_beside_torchs() -> None:
    assert opened(True).versions == {}


def test_the_drivers_version_is_found_among_the_kernels_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build\n"
        "GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0)\n"
    )
    monkeypatch.setattr("pathlib.Path.read_text", lambda *_, **__: text)
    assert _nvidia_driver() == "550.54.15"
