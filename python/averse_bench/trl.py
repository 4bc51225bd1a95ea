"""Episodes per second against TRL's GRPO and RLOO trainers at equal work.

Equal are: model, prompts, lengths, episodes per batch, completions per prompt (4), passes over a
batch (4), episodes per gradient step, optimizer, and a KL term against a frozen reference. Theirs
run as a user gets them on a CPU, with two settings in their favour: no gradient checkpointing and
no logging. Ours pays for a critic besides.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from transformers.trainer_callback import PrinterCallback

from averse_bench.setting import (
    BETA,
    EPOCHS,
    LEARNING_RATE,
    MINIBATCH,
    NEW_TOKENS,
    PROMPT_TOKENS,
    Bench,
    Setting,
    Times,
)
from averse_worker.platform.device import quiet
from averse_worker.platform.files import ASSETS
from averse_worker.rewards.builtin.load import load_classifier

GENERATIONS = 4


def measure(setting: Setting) -> dict[str, Any]:
    """Episodes per second of each, and the speedup."""
    clocks = {"averse_rlhf": Times(), "averse_ra_rlhf_0.4": Times()}
    bench = Bench(setting)
    bench.update(bench.rollout(bench.prompts(GENERATIONS)), 1.0)
    for _ in range(setting.repeats):
        for share, clock in zip((1.0, 0.4), clocks.values(), strict=True):
            clock.measure(partial(bench.step, share, GENERATIONS))
    # TRL runs with torch's default kernels.
    torch.backends.mkldnn.matmul.fp32_precision = "none"  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(False)
    prompts = _prompts(bench)
    for name in ("grpo", "rloo"):
        clocks[name] = _trainer_cycles(name, setting, prompts)
    neutral = clocks["averse_rlhf"]
    return {
        **{name: _rates(clock, setting.batch) for name, clock in clocks.items()},
        "times_faster": {name: clocks[name].over(neutral) for name in ("grpo", "rloo")},
    }


def builtin_reward() -> Callable[..., list[float]]:
    """The engine's reward with TRL's signature."""
    classifier = load_classifier(ASSETS / "reward")

    def reward(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        texts = [p + c for p, c in zip(prompts, completions, strict=True)]
        scores = classifier.score(texts).astype(np.float64)
        return [float(x) for x in -2 * np.logaddexp(0, -scores)]

    return reward


def _rates(times: Times, episodes: int) -> dict[str, float]:
    medians = times.medians()
    return {**medians, "episodes_per_cpu_second": round(episodes / medians["cpu_seconds"], 1)}


def _prompts(bench: Bench) -> list[str]:
    loaded = bench.engine._loaded
    assert loaded is not None
    found = loaded.prompts["train"].prompts
    return [found.texts[row] for row in bench.prompts().tolist()]


def gradient_steps(setting: Setting) -> int:
    """Of one cycle: all on one generation batch."""
    return setting.batch // MINIBATCH * EPOCHS


def plain_trainer(
    name: str,
    setting: Setting,
    prompts: list[str],
    folder: str,
    callback: TrainerCallback,
    cycles: int,
    **options: Any,
) -> Any:
    """TRL's trainer `name` as a user gets it, for so many cycles; `options` are more of its own.

    Raises:
        SystemExit: it cannot be imported.
    """
    try:
        from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer
    except RuntimeError as error:  # TRL wraps the ImportError: its trainers import `requests`
        raise SystemExit(
            f"TRL's trainers cannot be imported: {error}; pip install requests"
        ) from error

    model = ASSETS / "language-model"
    config, trainer_class = {
        "grpo": (GRPOConfig, GRPOTrainer),
        "rloo": (RLOOConfig, RLOOTrainer),
    }[name]
    trainer = trainer_class(
        model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        reward_funcs=builtin_reward(),
        args=config(
            output_dir=folder,
            per_device_train_batch_size=MINIBATCH,
            steps_per_generation=setting.batch // MINIBATCH,
            num_iterations=EPOCHS,
            num_generations=GENERATIONS,
            max_completion_length=NEW_TOKENS,
            generation_kwargs={"min_new_tokens": NEW_TOKENS},
            beta=BETA,
            learning_rate=LEARNING_RATE,
            max_steps=gradient_steps(setting) * cycles,
            bf16=setting.dtype == "bfloat16",
            gradient_checkpointing=False,
            use_cpu=True,
            dataloader_pin_memory=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **options,
        ),
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        processing_class=AutoTokenizer.from_pretrained(model, model_max_length=PROMPT_TOKENS),
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _trainer_cycles(name: str, setting: Setting, prompts: list[str]) -> Times:
    """Seconds of each cycle: one generation batch and all gradient steps on it."""
    cycles = _Cycles(gradient_steps(setting))
    with quiet(), tempfile.TemporaryDirectory() as folder:
        plain_trainer(name, setting, prompts, folder, cycles, setting.repeats + 1).train()
    # The first cycle warms up.
    return Times(cycles.clock.wall[1:], cycles.clock.cpu[1:])


class _Mark:
    """A point in time on both clocks."""

    def __init__(self) -> None:
        self.wall = time.perf_counter()
        self.cpu = time.process_time()


class _Cycles(TrainerCallback):  # type: ignore[misc]
    """Notes the time of every `steps` gradient steps."""

    def __init__(self, steps: int) -> None:
        self.clock = Times()
        self._steps = steps
        self._mark = _Mark()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._mark = _Mark()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % self._steps == 0:
            now = _Mark()
            self.clock.wall.append(now.wall - self._mark.wall)
            self.clock.cpu.append(now.cpu - self._mark.cpu)
            self._mark = now
