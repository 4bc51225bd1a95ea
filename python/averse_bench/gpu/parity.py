"""Whether a device computes what a CPU computes, what it waits for, and whether a run resumes."""

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from averse_bench.counts import counted
from averse_bench.gpu.shapes import Scale, Trial, copied_weights
from averse_bench.setting import NEW_TOKENS, Bench, Setting, no_report
from averse_worker.models.batches import PaddedPrompts
from averse_worker.rollout.generate import Sampler, Samples, sample, uniforms
from averse_worker.wire.messages.training import RestorePayload, SavePayload


def sampler_and_update(scale: Scale, device: str) -> dict[str, float | None]:
    """The same draws and the same update on the device and in float32 on a CPU, from the same
    weights: the fraction of episodes with the same tokens, and the largest differences."""
    here = Trial(scale, device, queued=True)
    there = Trial(replace(scale, dtype="float32"), "cpu", queued=False)
    _copy(there.policy.parameters, here.policy.parameters)
    assert there.policy.reference_model is not None
    assert here.policy.reference_model is not None
    _copy(
        dict(there.policy.reference_model.named_parameters()),
        dict(here.policy.reference_model.named_parameters()),
    )
    own, expected = _drawn(here), _drawn(there)
    same = (own.responses.tokens.cpu() == expected.responses.tokens).all(1)
    log_probs = (own.log_probs.cpu() - expected.log_probs)[same].abs()
    episodes, _ = there.rollout()
    figures = [
        there.update(episodes),
        here.update(_moved(episodes, here.device.torch_device)),
    ]
    weights = [copied_weights(trial.policy) for trial in (there, here)]
    return {
        "episodes_alike": round(float(same.float().mean()), 4),
        "log_prob_difference": float(log_probs.max()) if log_probs.numel() else None,
        "entropy_difference": abs(figures[0]["entropy"] - figures[1]["entropy"]),
        "grad_norm_ratio": figures[1]["grad_norm"] / figures[0]["grad_norm"],
        "weight_difference": max(
            float((weights[1][name] - expected).abs().max())
            for name, expected in weights[0].items()
        ),
    }


def waits(scale: Scale, device: str) -> dict[str, float]:
    """Host syncs per token and per gradient step: on CUDA as torch sees them, else as they are
    counted."""
    trial = Trial(scale, device, queued=True)
    episodes, _ = trial.rollout()
    trial.update(episodes)
    on_cuda = trial.device.torch_device.type == "cuda"
    count = _cuda_syncs if on_cuda else lambda work: counted(work).sync_count
    return {
        "per_token": round(count(lambda: _drawn(trial)) / scale.new_tokens, 3),
        "per_gradient_step": round(count(lambda: trial.update(episodes)) / trial.gradient_steps, 3),
    }


def resume(device: str, batch: int) -> dict[str, Any]:
    """An iteration after a checkpoint, and once more after it was restored: whether the weights are
    the same to the bit, and their largest difference."""
    bench = Bench(Setting(batch, 1, "float32"), device)
    bench.step(1.0)
    prompts = bench.prompts()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        saved = [folder / part for part in ("before", "straight", "resumed")]
        for path in saved:
            path.mkdir()
        bench.engine.save(SavePayload(path=str(saved[0])), no_report)
        for path in saved[1:]:
            bench.engine.restore(RestorePayload(path=str(saved[0])), no_report)
            bench.update(bench.rollout(prompts, seed=7), 1.0)
            bench.engine.save(SavePayload(path=str(path)), no_report)
        states = [
            {
                f"{file.name}/{key}": tensor
                for file in sorted(path.glob("*.safetensors"))
                for key, tensor in load_file(file).items()
            }
            for path in saved[1:]
        ]
    differences = {
        name: float((tensor.double() - states[1][name].double()).abs().max())
        for name, tensor in states[0].items()
        if tensor.numel()
    }
    return {
        "tensors": len(states[0]),
        "bitwise": all(states[1][name].equal(tensor) for name, tensor in states[0].items()),
        "largest_difference": max(differences.values()),
        "tokens": batch * NEW_TOKENS,
    }


def _drawn(trial: Trial) -> Samples:
    """Completions of prompts of three lengths."""
    scale, policy = trial.scale, trial.policy
    prompts = [row[i % 3 :] for i, row in enumerate(trial.prompts.tokens)]
    padded = PaddedPrompts.of(prompts, policy.pad_token, policy.device.torch_device)
    draws = uniforms(1, scale.batch, scale.new_tokens)
    return sample(policy, padded, draws, Sampler(scale.new_tokens), lambda done, total: None)


@torch.no_grad()
def _copy(source: dict[str, Any], target: dict[str, Any]) -> None:
    for name, tensor in target.items():
        tensor.copy_(source[name])


def _moved(value: Any, device: torch.device) -> Any:
    """The same on a device, with all tensors in it."""
    if isinstance(value, Tensor):
        return value.to(device)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(
            **{f.name: _moved(getattr(value, f.name), device) for f in fields(value)}
        )
    return value


def _cuda_syncs(work: Callable[[], Any]) -> int:
    torch.cuda.synchronize()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(warning.message) for warning in told)
