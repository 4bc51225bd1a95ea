"""How busy and how full the GPU is that the worker computes on."""

import torch

from averse_worker.wire.messages.base import GpuState


def gpu_state(device: torch.device) -> GpuState | None:
    """The state of the whole GPU now; None on a CPU. Takes well under a millisecond on CUDA.

    CUDA: memory is what the driver counts, all programs' on the GPU. MPS: this process's share of
    what Metal recommends to use at most, and no load, which nothing tells there.
    """
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return GpuState(
            load=_load(device), memory_used_bytes=total - free, memory_total_bytes=total
        )
    if device.type == "mps":
        return GpuState(
            load=None,
            memory_used_bytes=torch.mps.driver_allocated_memory(),
            memory_total_bytes=torch.mps.recommended_max_memory(),
        )
    return None


def _load(device: torch.device) -> float | None:
    """Share of NVML's last sample, 1/6 to 1 s long, in which a kernel ran; None: cannot be read.

    It cannot where nvidia-ml-py is missing, on a slice of a GPU (MIG), and wherever the driver
    refuses: `averse doctor` says why.
    """
    try:
        percent = torch.cuda.utilization(device)
    except Exception:
        # NVML's errors share no class with torch's, and no run is to end for want of a reading.
        return None
    return percent / 100 if 0 <= percent <= 100 else None
