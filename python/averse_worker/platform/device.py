"""The device, number formats and threads that every tensor operation of the worker runs with."""

import contextlib
import ctypes
import os
import platform
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from averse_worker.platform.processor import processor_name
from averse_worker.wire.errors import InputError, MissingEnvironment
from averse_worker.wire.messages.load import DeviceFacts, LoadBackend

DTYPES: Final = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

# What the worker uses of torch's list of operations that have no deterministic form off a CPU.
_WITHOUT_KERNEL: Final = (
    "sampling adds up probabilities (cumsum) in no fixed order",
    "the gradients of attention (scaled_dot_product_attention) may be added up in no fixed order",
    "the loss of supervised fine-tuning (nll_loss) has no deterministic kernel",
)

_DRIVER: Final = re.compile(r"\d+(\.\d+)+")

# glibc's malloc.h
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


@dataclass(frozen=True)
class Device:
    """Where tensors live, and in what format matrices are multiplied.

    Trained weights and optimizer state are always float32. With another `dtype`, the forward and
    backward passes run under autocast: matrix products in `dtype`, sums, norms and softmax in
    float32 (Micikevicius et al. 2018).
    """

    torch_device: torch.device
    dtype: torch.dtype
    frozen_dtype: torch.dtype | None = None
    """of the weights of frozen models; None: as they would be trained"""
    queued: bool = False
    """whether operations are queued on the device: then reading a number means waiting for all
    that is queued, and starting an operation costs more than a small one takes"""

    @property
    def name(self) -> str:
        """The model of the processor, for people to read."""
        if self.torch_device.type == "cuda":
            return torch.cuda.get_device_name(self.torch_device)
        return processor_name()

    @property
    def loss_scale(self) -> float:
        """Factor of the loss that keeps small float16 gradients from becoming zero."""
        return 1024.0 if self.dtype == torch.float16 else 1.0

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the device's libraries and driver, by name; empty for a CPU."""
        if self.torch_device.type != "cuda":
            return {}
        found = {
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
            "nvidia_driver": _nvidia_driver(),
        }
        return {name: str(version) for name, version in found.items() if version is not None}

    def nondeterminism(self, asked: bool) -> list[str]:
        """What may keep two runs on this machine, with as many threads, from being bit-identical.

        Args:
            asked: `backend.deterministic`.
        """
        if not asked:
            return ["backend.deterministic is false: any operation may add up in any order"]
        kind = self.torch_device.type
        return [] if kind == "cpu" else [f"{what} on {kind}" for what in _WITHOUT_KERNEL]

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Mixed precision for the block; nothing with float32."""
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.torch_device.type, self.dtype)

    def synchronise(self) -> None:
        """Waits for queued work, so that clocks measure it."""
        if self.torch_device.type == "cuda":
            torch.cuda.synchronize(self.torch_device)
        elif self.torch_device.type == "mps":
            torch.mps.synchronize()


def open_device(backend: LoadBackend, *, keep_memory: bool = True) -> Device:
    """Chooses the device and sets threads, determinism and CPU kernels of this process.

    Args:
        keep_memory: whether memory of the host that is freed stays with this process, for speed.

    Raises:
        InputError: `backend.device` is no device's name.
        MissingEnvironment: the device is not on this machine.
    """
    frozen = None if backend.frozen_dtype is None else DTYPES[backend.frozen_dtype]
    chosen = _choose(backend.device)
    device = Device(chosen, DTYPES[backend.dtype], frozen, queued=chosen.type != "cpu")
    if backend.threads:
        torch.set_num_threads(backend.threads)
    _set_deterministic(backend.deterministic, device.torch_device)
    if device.torch_device.type == "cpu":
        _use_onednn()
        if keep_memory:
            _keep_freed_memory()
    return device


def list_devices() -> tuple[str, list[DeviceFacts]]:
    """The device that `auto` takes, and all that `backend.device` may name."""
    found = [DeviceFacts(name="cpu", description=processor_name(), memory_bytes=None)]
    if torch.backends.mps.is_available():
        memory = torch.mps.recommended_max_memory()
        found.append(DeviceFacts(name="mps", description=processor_name(), memory_bytes=memory))
    for number in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(number)
        found.append(
            DeviceFacts(
                name=f"cuda:{number}", description=facts.name, memory_bytes=facts.total_memory
            )
        )
    return str(_choose("auto")), found


def _nvidia_driver() -> str | None:
    with contextlib.suppress(OSError):
        words = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8").split()
        return next((word for word in words if _DRIVER.fullmatch(word)), None)
    return None


def _choose(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(
            f"backend.device is '{name}'; expected auto, cpu, cuda, cuda:<number> or mps",
            key="backend.device",
        ) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise MissingEnvironment(
            f"backend.device is '{name}', but torch {torch.__version__} sees "
            f"{torch.cuda.device_count()} CUDA devices; set it to auto or cpu",
            key="backend.device",
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise MissingEnvironment(
            "backend.device is 'mps', but this machine has no MPS; set it to auto or cpu",
            key="backend.device",
        )
    return device


def _set_deterministic(wanted: bool, device: torch.device) -> None:
    if wanted and device.type == "cuda":
        # cuBLAS reads it when it starts; without it, its products may differ between runs.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Off a CPU some operations have no deterministic form (`nondeterminism`): warn once, continue.
    torch.use_deterministic_algorithms(wanted, warn_only=device.type != "cpu")
    # Filling fresh memory costs time and only shows up reads of uninitialised memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _use_onednn() -> None:
    """Lets float32 matrix products go to oneDNN, on AMD twice as fast as the bundled MKL.

    The setting allows bfloat16 inside; but on x86 oneDNN has such a kernel only with AMX, and
    where there is AMX this does nothing. So float32 products stay float32.
    """
    if platform.machine() in ("x86_64", "AMD64") and not torch.cpu._is_amx_tile_supported():
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"  # type: ignore[attr-defined]


def _keep_freed_memory() -> None:
    """Tells glibc to reuse large blocks instead of giving them back to the system each time.

    Activations of tens of megabytes come and go at every step; fetching their pages again took up
    to a third of its time.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in ((_M_MMAP_THRESHOLD, 1 << 25), (_M_TRIM_THRESHOLD, 1 << 30)):
            mallopt(parameter, value)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps libraries' warnings and progress bars off stderr for the block."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
