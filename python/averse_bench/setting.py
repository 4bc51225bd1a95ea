"""What all benchmarks share: the engine at quickstart sizes, and a clock."""

import importlib.metadata
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.platform.processor import processor_name
from averse_worker.wire.messages.base import (
    float32_array,
    float32_bytes,
    uint32_array,
    uint32_bytes,
)
from averse_worker.wire.messages.data import builtin_data
from averse_worker.wire.messages.load import (
    BuiltinScorer,
    LoadBackend,
    LoadData,
    LoadEvaluation,
    LoadPayload,
    LoadPolicy,
    LoadReward,
    LoadRollout,
    LoadTraining,
    ScorePromptsPayload,
)
from averse_worker.wire.messages.training import (
    KlForm,
    KlLoss,
    RolloutPayload,
    RolloutResult,
    UpdatePayload,
)

PROMPT_TOKENS = 32
NEW_TOKENS = 24
EPOCHS = 4
MINIBATCH = 32
BETA = 0.2
LEARNING_RATE = 4e-4
GENERATIONS = 4
"""completions of a prompt, of algorithms that compare these"""


@dataclass(frozen=True)
class Setting:
    """Sizes of a benchmark."""

    batch: int
    repeats: int
    dtype: str

    def summary(self) -> dict[str, Any]:
        """The setting and the machine, for the result."""
        return {
            "batch": self.batch,
            "repeats": self.repeats,
            "dtype": self.dtype,
            "prompt_tokens": PROMPT_TOKENS,
            "new_tokens": NEW_TOKENS,
            "epochs": EPOCHS,
            "minibatch": MINIBATCH,
            "threads": torch.get_num_threads(),
            "machine": platform.machine(),
            "processor": processor_name(),
            # Whether float32 matrix products go to oneDNN: for both sides of a comparison alike.
            "onednn_float32": torch.backends.mkldnn.matmul.fp32_precision == "bf16",  # type: ignore[attr-defined]
            "torch": torch.__version__,
            "transformers": importlib.metadata.version("transformers"),
        }


@dataclass
class Times:
    """Seconds of each repetition of one measurement."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def measure(self, work: Callable[[], Any]) -> Any:
        """Times `work` and returns its result."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.cpu.append(time.process_time() - cpu)
        self.wall.append(time.perf_counter() - wall)
        return result

    def medians(self) -> dict[str, float]:
        """Medians."""
        return {
            "wall_seconds": round(statistics.median(self.wall), 4),
            "cpu_seconds": round(statistics.median(self.cpu), 4),
        }

    def over(self, other: "Times") -> dict[str, float]:
        """Ratios of the medians, self over other."""
        return {
            "wall": round(statistics.median(self.wall) / statistics.median(other.wall), 3),
            "cpu": round(statistics.median(self.cpu) / statistics.median(other.cpu), 3),
        }

    def paired_over(self, other: "Times") -> dict[str, dict[str, float]]:
        """Ratios of measurements that were made in turn, self over other: median, least, greatest.

        A slow stretch of the machine is on both sides of its pair.
        """
        return {
            clock: _spread(
                [a / b for a, b in zip(getattr(self, clock), getattr(other, clock), strict=True)]
            )
            for clock in ("wall", "cpu")
        }


def _spread(ratios: list[float]) -> dict[str, float]:
    found = {"median": statistics.median(ratios), "least": min(ratios), "greatest": max(ratios)}
    return {name: round(value, 3) for name, value in found.items()}


class Bench:
    """An engine with the built-in models, and prompts to draw from."""

    def __init__(self, setting: Setting, device: str = "cpu", *, critic: bool = True) -> None:
        """`critic`: without one, an episode's advantage is its return less that of its group."""
        self.setting = setting
        self._critic = critic
        self.engine = TorchEngine()
        loaded = self.engine.load(load_payload(setting, device, critic=critic), no_report)
        known = ScorePromptsPayload(split="train", prompts=loaded.train.ids, known=None)
        self.engine.score_prompts(known, no_report)
        self._ids = uint32_array(loaded.train.ids)
        self._random = np.random.default_rng(0)
        self._seed = 0

    def prompts(self, copies: int = 1) -> NDArray[np.uint32]:
        """Ids of a batch, each prompt `copies` times in a row."""
        drawn = self._random.choice(self._ids, self.setting.batch // copies, replace=False)
        return np.repeat(drawn, copies)

    def rollout(self, prompts: NDArray[np.uint32], seed: int | None = None) -> RolloutResult:
        """One batch of episodes; the update after it has the same seed, a new one if None."""
        self._seed = self._seed + 1 if seed is None else seed
        payload = RolloutPayload(
            prompts=uint32_bytes(prompts),
            condition=None,
            completions=1,
            seed=self._seed,
            kl_coefficient=BETA,
        )
        return self.engine.rollout(payload, no_report)

    def update(self, rollout: RolloutResult, kept: float, kl: KlForm | None = None) -> None:
        """One update on this fraction of the episodes, ⌈fraction·B⌉ of them, and a KL of all."""
        weights = np.zeros(self.setting.batch)
        count = int(np.ceil(kept * self.setting.batch))
        weights[self._random.permutation(self.setting.batch)[:count]] = 1
        signal = (
            {"weights": float32_bytes(weights)}
            if self._critic
            else {"advantages": float32_bytes(weights * _above_group(rollout))}
        )
        payload = update_payload(
            rollout.rollout,
            self._seed,
            **signal,
            kl_weights=float32_bytes(np.ones(self.setting.batch)) if kl else None,
            kl_loss=KlLoss(form=kl, coefficient=BETA, unit="advantage") if kl else None,
        )
        self.engine.update(payload, no_report)

    def step(self, kept: float, copies: int = 1) -> None:
        """Rollout and update."""
        self.update(self.rollout(self.prompts(copies)), kept)


def _above_group(rollout: RolloutResult) -> NDArray[np.float32]:
    """Returns less the mean of those of the same prompt, `GENERATIONS` in a row."""
    groups = float32_array(rollout.return_).reshape(-1, GENERATIONS)
    above: NDArray[np.float32] = groups - groups.mean(1, keepdims=True)
    return above.ravel()


def no_report(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


def update_payload(rollout: int, seed: int, **own: Any) -> UpdatePayload:
    """Of what `own` says (weights, advantages, a KL loss, …) and of nothing else."""
    plain = {
        "weights": None,
        "rewards": None,
        "advantages": None,
        "conditions": None,
        "kl_weights": None,
        "kl_loss": None,
        "whiten": "kept",
        "loss_aggregation": "token-mean",
        "steps_per_epoch": None,
        "learning_rate_factor": 1.0,
    }
    return UpdatePayload(rollout=rollout, seed=seed, **plain | own)


def load_payload(setting: Setting, device: str = "cpu", *, critic: bool = True) -> LoadPayload:
    """The built-in models at quickstart sizes."""
    return LoadPayload(
        seed=0,
        policy=LoadPolicy(
            model="builtin",
            revision=None,
            trust_remote_code=False,
            adapter=None,
            quantize="none",
            gradient_checkpointing=False,
        ),
        reference=None,
        rewards=[
            LoadReward(
                name="reward",
                weight=1.0,
                transform="log-sigmoid",
                scale=2.0,
                threshold=0,
                normalize="none",
                baseline="none",
                scorer=BuiltinScorer(
                    labels=[], output="logit", text="whole", sign=1, timeout_seconds=0
                ),
            )
        ],
        judges=[],
        evaluation=LoadEvaluation(toxicity=None, fluency=None, tasks=[]),
        data=LoadData(source=builtin_data(), prompt_tokens=PROMPT_TOKENS),
        rollout=LoadRollout(
            new_tokens=NEW_TOKENS,
            # The same number of tokens in every arm: speed is compared, not length.
            min_new_tokens=NEW_TOKENS,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            minibatch=0,
        ),
        conditions=[],
        decoding=None,
        training=LoadTraining(
            critic=critic,
            epochs=EPOCHS,
            minibatch=MINIBATCH,
            microbatch=0,
            learning_rate=LEARNING_RATE,
            value_learning_rate=1e-3,
            gamma=1.0,
            lambda_=0.95,
            clip_ratio=0.2,
            clip_value=1.0,
            value_coefficient=0.1,
            entropy_coefficient=0.0,
            max_grad_norm=1.0,
            prefix_baseline=critic,
            ema_decay=0.8,
        ),
        backend=LoadBackend(
            device=device,
            dtype=setting.dtype,  # type: ignore[arg-type]
            frozen_dtype=None,
            threads=1,
            deterministic=True,
        ),
        engine_options={},
    )
