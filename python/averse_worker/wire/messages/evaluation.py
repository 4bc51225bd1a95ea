"""`evaluate`: a policy on prompts of a split; mirrors `src/protocol/evaluation.ts`."""

from typing import Literal

from averse_worker.wire.messages.base import (
    Count,
    Figures,
    Finite,
    Float32,
    GpuState,
    Message,
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
