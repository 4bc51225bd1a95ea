"""How busy and how full the GPU is that the worker computes on."""

import torch

from averse_worker.wire.messages.base import GpuState


def gpu_state(device: torch.device) -> GpuState | None:
    """The state of the whole GPU now; None on a CPU. Takes well under a millisecond on CUDA.

    CUDA: memory is what the driver counts, all programs' on the GPU. MPS: what this process
    holds, against the most that Metal recommends, and no load, which MPS does not report.
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
    """Fraction of NVML's last sample, 1/6 to 1 s long, in which a kernel ran; None: cannot be read.

    It cannot where nvidia-ml-py is missing, on a slice of a GPU (MIG), and wherever the driver
    refuses: `averse doctor` says why.
    """
    try:
        percent = torch.cuda.utilization(device)
    except Exception:
        # NVML's errors have no common class, and a missing reading must not end a run.
        return None
    return percent / 100 if 0 <= percent <= 100 else None
