"""`test/gpu/check [--device cuda] [--tiny] [--out FILE]`: one JSON object, in at most 8 minutes.

    parity      sampler and update against a CPU in float32, in float32 and bfloat16
    waits       host syncs per token and per gradient step
    resume      an iteration after a checkpoint, and again after it was restored
    speed       seconds by phase, utilisation and memory at the sizes of `shapes.py`
    trl         TRL's GRPOTrainer at the size of the first

A section that fails has an `error` in place of figures, one that no time is left for is `skipped`;
the others go on. Exit code 0: all were measured · 1: some were not.
"""

import argparse
import gc
import importlib.metadata
import json
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from transformers import GPT2Config

from averse_bench.gpu import parity, speed
from averse_bench.gpu.shapes import Scale, full_scales, gpt2_imdb, tiny_scales
from averse_worker.platform.device import list_devices
from averse_worker.platform.processor import processor_name

LIMIT_SECONDS: Final = 480
ITERATION_REPEATS: Final = 3

# The most that a section takes on an H200, as a guess until one has run: it is not begun with less.
_LEAST_SECONDS: Final = 45


class Check:
    """The sections one after the other, within the time."""

    def __init__(self, limit: float) -> None:
        self._started, self._limit = time.perf_counter(), limit
        self.sections: dict[str, Any] = {}
        signal.signal(signal.SIGALRM, _end_of_time)

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """One section's figures, or why there are none."""
        spent = time.perf_counter() - self._started
        if spent + _LEAST_SECONDS > self._limit:
            found: Any = {"skipped": f"{spent:.0f} s of {self._limit:.0f} s were spent"}
        else:
            print(f"{spent:6.1f} s  {name}", file=sys.stderr, flush=True)
            signal.setitimer(signal.ITIMER_REAL, self._limit - spent)
            try:
                found = work()
            except Exception as error:
                traceback.print_exc()
                found = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"}
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        self.sections[name] = found
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return found

    @property
    def whole(self) -> bool:
        """Whether every section was measured."""
        return not any({"error", "skipped"} & set(found) for found in self.sections.values())

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._started


def _end_of_time(number: int, frame: Any) -> None:
    raise TimeoutError("the time of the check is over")


def main(argv: list[str]) -> int:
    """Runs the check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="test/gpu/check", description=__doc__)
    parser.add_argument("--device", default="cuda", help="as backend.device; default cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny models: whether it runs at all")
    parser.add_argument("--out", type=Path, default=None, help="the JSON; default: stdout")
    arguments = parser.parse_args(argv)
    device = arguments.device
    auto, devices = list_devices()
    if device.startswith("cuda") and not torch.cuda.is_available():
        print(
            f"test/gpu/check: no CUDA device: torch {torch.__version__} sees {auto}; run it on a "
            "machine with a GPU, or with --device cpu --tiny",
            file=sys.stderr,
        )
        return 1
    check = Check(LIMIT_SECONDS)
    _measure(check, device, tiny=arguments.tiny)
    on_gpu = torch.device(device).type == "cuda"
    result = {
        "device": torch.cuda.get_device_name(device) if on_gpu else processor_name(),
        "kind": torch.device(device).type,
        "tiny": arguments.tiny,
        "date": time.strftime("%Y-%m-%d"),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("torch", "transformers", "trl")},
        },
        "devices": [facts.name for facts in devices],
        "seconds": round(check.seconds, 1),
        "sections": check.sections,
    }
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    if arguments.out is None:
        print(text, end="")
    else:
        arguments.out.write_text(text, encoding="utf-8")
    return 0 if check.whole else 1


def _measure(check: Check, device: str, *, tiny: bool) -> None:
    scales = tiny_scales() if tiny else full_scales()
    small = _tiny(scales) if tiny else _small
    for dtype in ("float32", "bfloat16"):
        scale = small(dtype)
        check.run(f"parity {dtype}", partial(parity.sampler_and_update, scale, device))
    check.run("waits", lambda: parity.waits(small("float32"), device))
    check.run("resume", lambda: parity.resume(device, 8 if tiny else 64))
    size, place = 256 if tiny else 8192, torch.device(device)
    rates: dict[str, float] = {}

    def measured_rates() -> dict[str, float]:
        for dtype in ("float32", "bfloat16"):
            rates[dtype] = speed.matmul_rate(place, dtype, size)
        return rates

    check.run("matmul_flops", measured_rates)
    repeats = 1 if tiny else ITERATION_REPEATS
    for scale in scales:
        check.run(
            f"speed {scale.name}",
            partial(_iterations, scale, device, repeats, rates),
        )
        if scale is scales[0]:
            check.run("trl grpo", lambda: _against_trl(check, scales[0], device, repeats))


def _iterations(
    scale: Scale, device: str, repeats: int, rates: Mapping[str, float]
) -> dict[str, Any]:
    return speed.iterations(scale, device, repeats, rates[scale.dtype])


def _against_trl(check: Check, scale: Scale, device: str, repeats: int) -> dict[str, Any]:
    theirs = speed.grpo(scale, device, repeats)
    own = check.sections[f"speed {scale.name}"].get("seconds_per_iteration")
    if own is not None:
        theirs["times_faster"] = round(theirs["seconds_per_iteration"] / own, 3)
    return theirs


def _small(dtype: str) -> Scale:
    """Small enough for a CPU to be the measure."""
    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
    policy = GPT2Config(n_layer=4, n_embd=256, n_head=4, vocab_size=4200, **ends)
    return replace(gpt2_imdb(dtype), policy=policy, batch=32, minibatch=16, epochs=1)


def _tiny(scales: list[Scale]) -> Callable[[str], Scale]:
    return lambda dtype: replace(scales[0], dtype=dtype)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
