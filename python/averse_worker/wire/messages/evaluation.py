"""`evaluate`."""

from typing import Literal

from averse_worker.wire.messages.base import (
    Count,
    Finite,
    Float32,
    GpuState,
    Message,
    Seconds,
    Seed,
    Uint32,
)
from averse_worker.wire.messages.training import RewardFailure


class EvaluatePayload(Message, frozen=True, kw_only=True):
    split: Literal["train", "test"]
    prompts: Uint32
    seed: Seed
    """same seed, same prompts: common random numbers between arms"""
    weights: Literal["current", "average"]
    perplexity: bool
    """of the held-out good-class texts"""
    samples: Count
    """how many prompt/completion texts to send back, spread over prompt score"""


class Sample(Message, frozen=True, kw_only=True):
    prompt: Count
    text: str
    completion: str
    reward: Finite | None
    """None: it failed"""


class EvaluateResult(Message, frozen=True, kw_only=True):
    reward: Float32
    """raw; NaN where it failed"""
    judge: Float32 | None
    """NaN where it failed"""
    kl: Float32
    length: Uint32
    failures: list[RewardFailure]
    judge_failures: list[RewardFailure]
    dist_1: Finite
    dist_2: Finite
    dist_3: Finite
    perplexity: Finite | None
    samples: list[Sample]
    memory_bytes: Count
    """of this process, on the host"""
    gpu: GpuState | None
    """None: it computes on no GPU"""
    seconds: Seconds
