"""Seconds, tokens per second, utilisation and memory of whole iterations, and TRL's beside them."""

import statistics
import tempfile
import time
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback

from averse_bench.gpu.shapes import Scale, Trial, parameter_count
from averse_bench.setting import BETA, GENERATIONS
from averse_worker.platform.device import DTYPES, quiet
from averse_worker.platform.memory import resident_bytes


def matmul_rate(device: torch.device, dtype: str, size: int) -> float:
    """Floating-point operations per second of products of square matrices, the best of five."""
    one = torch.randn(size, size, device=device).to(DTYPES[dtype])
    seconds = []
    for _ in range(6):
        started = _now(device)
        for _ in range(4):
            one @ one
        seconds.append((_now(device) - started) / 4)
    return 2 * size**3 / min(seconds[1:])


def iterations(scale: Scale, device: str, repeats: int, rate: float) -> dict[str, Any]:
    """Iterations of PPO on the whole batch, after one that warms up.

    Args:
        rate: of matrix products, in FLOP/s.
    """
    peaks: dict[str, int] = {}
    place = torch.device(device)
    before = _restart_peak(place)
    trial = Trial(scale, device)
    peaks["load"] = _peak(place) - before
    phases: dict[str, list[float]] = {}
    for repeat in range(repeats + 1):
        _restart_peak(place)
        episodes, seconds = trial.rollout()
        peaks["rollout"] = _peak(place) - before
        _restart_peak(place)
        started = _now(place)
        trial.update(episodes)
        update = _now(place) - started
        peaks["update"] = _peak(place) - before
        if repeat == 0:
            continue
        for name, spent in (
            ("sample", seconds.sample),
            ("reference", seconds.reference),
            ("reward", seconds.reward),
            ("update", update),
        ):
            phases.setdefault(name, []).append(spent)
    medians = {name: statistics.median(spent) for name, spent in phases.items()}
    whole = sum(medians.values())
    body, head = _matrices(trial)
    generated = scale.batch * scale.new_tokens
    sampling = 2 * (body * scale.tokens + head * generated)
    # Backward: with respect to activations, and but for frozen weights to weights.
    passes = 3 if scale.lora_rank == 0 else 2
    return {
        "setting": scale.summary(),
        "parameters": parameter_count(trial.policy),
        "seconds": {name: round(spent, 4) for name, spent in medians.items()},
        "seconds_per_iteration": round(whole, 4),
        "minutes_for_all_iterations": round(scale.iterations * whole / 60, 2)
        if scale.iterations
        else None,
        "sampled_tokens_per_second": round(generated / medians["sample"]),
        "trained_tokens_per_second": round(scale.epochs * generated / medians["update"]),
        "utilisation": {
            "sample": round(sampling / medians["sample"] / rate, 4),
            "update": round(passes * scale.epochs * sampling / medians["update"] / rate, 4),
        },
        "peak_bytes": peaks,
        "repeats": repeats,
    }


def grpo(scale: Scale, device: str, cycles: int) -> dict[str, Any]:
    """TRL's GRPOTrainer on a model of the same shape: batch, lengths, epochs, minibatch, a KL term
    and the same reward; four completions per prompt. Medians of its cycles after the first."""
    from trl import GRPOConfig, GRPOTrainer

    trial = Trial(scale, device)
    [component] = trial.rewards.components
    prompts = [str(text) for text in trial.prompts.texts[: scale.batch // GENERATIONS]]
    place, dtype = trial.device.torch_device, DTYPES[scale.dtype]

    def reward(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        texts = [p + c for p, c in zip(prompts, completions, strict=True)]
        values: list[float] = component.scorer.score(texts).values.tolist()
        return values

    steps = scale.epochs * (scale.batch // scale.minibatch)
    clock = _Cycles(place, steps)
    with tempfile.TemporaryDirectory() as folder, quiet():
        # By its folder, from which the trainer reads the reference once more.
        trial.policy.model.causal.save_pretrained(folder)
        tokenizer = trial.policy.tokenizer_as_loaded
        tokenizer.save_pretrained(folder)
        trainer = GRPOTrainer(
            model=folder,
            reward_funcs=reward,
            args=GRPOConfig(
                output_dir=folder,
                per_device_train_batch_size=scale.minibatch,
                steps_per_generation=scale.batch // scale.minibatch,
                num_iterations=scale.epochs,
                num_generations=GENERATIONS,
                max_completion_length=scale.new_tokens,
                beta=BETA,
                model_init_kwargs={"dtype": torch.float32},
                learning_rate=1.41e-5,
                max_steps=steps * (cycles + 1),
                bf16=dtype == torch.bfloat16,
                gradient_checkpointing=False,
                use_cpu=place.type == "cpu",
                dataloader_pin_memory=False,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict({"prompt": prompts}),
            processing_class=tokenizer,
            callbacks=[clock],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return {"seconds_per_iteration": round(statistics.median(np.diff(clock.ends)), 4)}


class _Cycles(TrainerCallback):  # type: ignore[misc]
    """When each batch and all gradient steps on it were done."""

    def __init__(self, place: torch.device, steps: int) -> None:
        self._place, self._steps = place, steps
        self.ends: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % self._steps == 0:
            self.ends.append(_now(self._place))


def _matrices(trial: Trial) -> tuple[int, int]:
    """Numbers in the matrices that every token is multiplied by, and in the head."""
    causal = trial.policy.model.causal
    head = causal.get_output_embeddings().weight
    tables = [m.weight for m in causal.modules() if isinstance(m, torch.nn.Embedding)]
    apart = {id(w): w for w in (head, *tables)}
    body = sum(p.numel() for p in causal.parameters() if id(p) not in apart)
    return body, head.numel()


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _restart_peak(device: torch.device) -> int:
    """Bytes that are held now."""
    if device.type != "cuda":
        return resident_bytes()
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)


def _peak(device: torch.device) -> int:
    """The most bytes since `_restart_peak`; on a CPU those held now."""
    if device.type != "cuda":
        return resident_bytes()
    return torch.cuda.max_memory_allocated(device)
