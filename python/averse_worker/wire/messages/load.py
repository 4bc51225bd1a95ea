"""`load`: models, data and settings, and what they turned out to be."""

from typing import Literal

from msgspec import field

from averse_worker.wire.messages.base import (
    Count,
    Digests,
    Finite,
    Float32,
    GpuState,
    Message,
    Seconds,
    Seed,
    Uint32,
)


class LoadPolicy(Message, frozen=True, kw_only=True):
    model: str
    """builtin, a folder, or a hub id"""
    lora_rank: Count
    """0: full fine-tuning"""
    trust_remote_code: bool


class LoadReward(Message, frozen=True, kw_only=True):
    model: str
    """builtin, a folder, or a hub id of a sequence classifier"""
    label: str | None
    """class whose logit is the reward; None: the last"""
    sign: Literal[1, -1]
    transform: Literal["identity", "clip", "log-sigmoid"]
    scale: Finite
    """clip: bound; log-sigmoid: factor"""
    baseline: Literal["none", "prompt"]
    """prompt: the prompt's own score is taken off"""
    timeout_seconds: Seconds
    """of scoring one batch of texts; 0: no limit"""


class LoadData(Message, frozen=True, kw_only=True):
    path: str
    """builtin, or a folder with train.jsonl and test.jsonl"""
    prompt_tokens: Count


class LoadRollout(Message, frozen=True, kw_only=True):
    new_tokens: Count
    min_new_tokens: Count
    temperature: Finite
    top_k: Count
    """0: off"""
    top_p: Finite
    minibatch: Count
    """episodes sampled at once; 0: all"""


class LoadTraining(Message, frozen=True, kw_only=True):
    epochs: Count
    minibatch: Count
    """episodes a gradient step"""
    learning_rate: Finite
    value_learning_rate: Finite
    gamma: Finite
    lambda_: Finite = field(name="lambda")
    clip_ratio: Finite
    clip_value: Finite
    value_coefficient: Finite
    entropy_coefficient: Finite
    max_grad_norm: Finite
    prefix_baseline: bool
    """critic = reward model's score of the prefix + head"""
    average_decay: Finite
    """exponential average of the weights; 0: off"""


class LoadBackend(Message, frozen=True, kw_only=True):
    device: str
    """auto, cpu, cuda, cuda:1, mps"""
    dtype: Literal["float32", "bfloat16", "float16"]
    threads: Count
    """CPU threads of tensor operations; 0: torch's default"""
    deterministic: bool


class LoadPayload(Message, frozen=True, kw_only=True):
    seed: Seed
    policy: LoadPolicy
    reference: str | None
    """the frozen model that KL is measured against; None: the policy as loaded"""
    reward: LoadReward
    judge: str | None
    """scores evaluations only, never trained against; None: no judge"""
    data: LoadData
    rollout: LoadRollout
    training: LoadTraining
    backend: LoadBackend


class PromptSet(Message, frozen=True, kw_only=True):
    ids: Uint32
    scores: Float32
    """reward model's raw score of the prompt alone"""


class LoadDigests(Message, frozen=True, kw_only=True):
    policy: Digests
    reference: Digests
    reward: Digests
    judge: Digests
    data: Digests


class LoadResult(Message, frozen=True, kw_only=True):
    device: str
    device_name: str
    dtype: str
    threads: Count
    parameters: Count
    context: Count
    """positions of the policy, in tokens"""
    train: PromptSet
    test: PromptSet
    versions: dict[str, str]
    nondeterminism: list[str]
    """what may keep two runs on this machine from being bit-identical; empty: nothing"""
    digests: LoadDigests
    memory_bytes: Count
    """of this process, on the host"""
    gpu: GpuState | None
    """None: it computes on no GPU"""
    seconds: Seconds
