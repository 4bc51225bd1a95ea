"""Episodes per second against TRL's GRPO and RLOO trainers at equal work, in turn: A B A B.

Equal are: model, prompts, lengths, episodes per batch, completions per prompt (4), passes over a
batch (4), episodes per gradient step, optimizer, a KL term against a frozen reference, threads,
kernels and flags. Theirs run as a user gets them on a CPU, with two settings in their favour: no
gradient checkpointing and no logging.
"""

import queue
import tempfile
import threading
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
    GENERATIONS,
    LEARNING_RATE,
    MINIBATCH,
    NEW_TOKENS,
    PROMPT_TOKENS,
    Bench,
    Setting,
    Times,
)
from averse_worker.platform.files import ASSETS
from averse_worker.rewards.builtin.load import load_classifier


def measure(setting: Setting) -> dict[str, Any]:
    """By trainer: episodes per second of each, and the speedups over the paired cycles."""
    bench = Bench(setting, critic=False)
    prompts = _prompts(bench)
    return {name: _pairs(name, bench, prompts) for name in ("grpo", "rloo")}


def _pairs(name: str, bench: Bench, prompts: list[str]) -> dict[str, Any]:
    setting = bench.setting
    plain = PlainCycles(name, setting, prompts)
    # The first of each warms up.
    plain.cycle()
    bench.step(1.0, GENERATIONS)
    theirs, neutral, averse = Times(), Times(), Times()
    for _ in range(setting.repeats):
        theirs.measure(plain.cycle)
        neutral.measure(partial(bench.step, 1.0, GENERATIONS))
        averse.measure(partial(bench.step, 0.4, GENERATIONS))
    plain.end()
    return {
        "trl": _rates(theirs, setting.batch),
        "averse_rlhf": _rates(neutral, setting.batch),
        "averse_ra_rlhf_0.4": _rates(averse, setting.batch),
        "times_faster": theirs.paired_over(neutral),
        "times_faster_at_0.4": theirs.paired_over(averse),
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


class PlainCycles(TrainerCallback):  # type: ignore[misc]
    """The trainer on a thread, which waits after each cycle."""

    def __init__(self, name: str, setting: Setting, prompts: list[str]) -> None:
        self._steps = gradient_steps(setting)
        self._go: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        run = partial(self._run, name, setting, prompts)
        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def cycle(self) -> None:
        """One generation batch and all gradient steps on it."""
        self._go.put(True)
        if (error := self._done.get()) is not None:
            raise error

    def end(self) -> None:
        """Ends the trainer."""
        self._go.put(False)
        self._thread.join()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 0:
            self._go.get()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % self._steps == 0:
            self._done.put(None)
            control.should_training_stop = not self._go.get()

    def _run(self, name: str, setting: Setting, prompts: list[str]) -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                plain_trainer(
                    name,
                    setting,
                    prompts,
                    folder,
                    self,
                    setting.repeats + 2,
                    top_k=0,
                    disable_dropout=True,
                ).train()
        except BaseException as error:
            self._done.put(error)
