"""Evaluations of a policy; mirrors `src/protocol/evaluation.ts`, in the same order."""

from typing import Literal

from averse_worker.wire.messages.base import (
    Count,
    Figures,
    Finite,
    Float32,
    Fraction,
    GpuState,
    Message,
    NonNegative,
    Positive,
    Scored,
    Seconds,
    Seed,
    Uint32,
)


class EvaluatePayload(Message, frozen=True, kw_only=True):
    split: Literal["train", "test"]
    prompts: Uint32
    completions: Positive
    """episodes per prompt id"""
    condition: Count | None
    """place in load's conditions; None: the prompts alone"""
    seed: Seed
    """same seed, same prompts: common random numbers between arms"""
    weights: Literal["current", "ema"]
    figures: list[str]
    """names wanted, of those that hello declares"""
    samples: Uint32
    """positions of episodes whose texts are to come back"""


class Sample(Message, frozen=True, kw_only=True):
    episode: Count
    prompt: Count
    """its id"""
    text: str
    """of the prompt"""
    completion: str
    reward: Finite | None
    """None: it failed"""


class EvaluateResult(Message, frozen=True, kw_only=True):
    reward: Float32
    """raw, combined; NaN where a component failed"""
    components: list[Scored]
    """one per reward component, in load's order"""
    judges: list[Scored]
    """one per judge, in load's order"""
    kl: Float32
    length: Uint32
    figures: Figures
    samples: list[Sample]
    memory_bytes: Count
    """of this process, on the host"""
    gpu: GpuState | None
    """None: it computes on no GPU"""
    seconds: Seconds


# ── toxicity ────────────────────────────────────────────────────────────────────────────────


class ToxicityPayload(Message, frozen=True, kw_only=True):
    """Of the scorer in `load`'s `evaluation.toxicity`."""

    split: Literal["train", "test"]
    prompts: Uint32
    completions: Positive
    """per prompt id"""
    condition: Count | None
    """place in load's conditions; None: the prompts alone"""
    new_tokens: Positive
    """of a completion at most, one at least"""
    temperature: Finite
    """in place of rollout.temperature; top-k is off"""
    top_p: Fraction
    seed: Seed
    """same seed, same prompts: common random numbers between arms"""
    weights: Literal["current", "ema"]
    figures: list[str]
    """names wanted, of those that hello declares for `evaluate`"""


class ToxicityResult(Message, frozen=True, kw_only=True):
    completions: Scored
    """of each completion alone, grouped by prompt; raw, so of high scores for harmless texts"""
    prompts: Scored
    """of each prompt alone"""
    figures: Figures
    memory_bytes: Count
    """of this process, on the host"""
    gpu: GpuState | None
    """None: it computes on no GPU"""
    seconds: Seconds


# ── capability ──────────────────────────────────────────────────────────────────────────────


class CapabilityPayload(Message, frozen=True, kw_only=True):
    """Of the tasks in `load`'s `evaluation.tasks`."""

    limit: Positive | None
    """documents of each task; None: all"""
    weights: Literal["current", "ema"]


class TaskFigure(Message, frozen=True, kw_only=True):
    task: str
    """name of the task or group, as requested"""
    metric: str
    """as lm-evaluation-harness names it; with a filter, the filter's name after it"""
    value: Finite
    standard_error: NonNegative | None
    """None: the harness gives none"""
    higher_is_better: bool | None
    """None: the harness does not say"""


class CapabilityResult(Message, frozen=True, kw_only=True):
    figures: list[TaskFigure]
    version: str
    """of lm-evaluation-harness"""
    memory_bytes: Count
    """of this process, on the host"""
    gpu: GpuState | None
    """None: it computes on no GPU"""
    seconds: Seconds
