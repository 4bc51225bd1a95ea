"""Commands on the training state: SFT, rollout, update, texts, save, restore and export."""

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

# ── sft ─────────────────────────────────────────────────────────────────────────────────────


class SftPayload(Message, frozen=True, kw_only=True):
    seed: Seed
    steps: Count
    batch: Count
    learning_rate: Finite
    max_tokens: Count


class SftResult(Message, frozen=True, kw_only=True):
    steps: Count
    loss_first: Finite
    loss_last: Finite
    texts: Count
    seconds: Seconds


# ── rollout ─────────────────────────────────────────────────────────────────────────────────


class RolloutPayload(Message, frozen=True, kw_only=True):
    prompts: Uint32
    """ids in the train set, one an episode"""
    seed: Seed
    kl_coefficient: Finite
    """β of the dense reward"""


class RolloutSeconds(Message, frozen=True, kw_only=True):
    sample: Seconds
    reference: Seconds
    reward: Seconds


class RewardFailure(Message, frozen=True, kw_only=True):
    """Why the reward model gave no score, and to whom."""

    kind: Literal["timeout", "exception", "not-finite"]
    message: str
    episodes: Uint32
    """positions in the request's prompts, ascending"""


class RolloutResult(Message, frozen=True, kw_only=True):
    rollout: Count
    """the tensors stay with the worker under this id until the next rollout"""
    reward: Float32
    """raw environment reward; NaN here and in both returns where it failed"""
    kl: Float32
    """Σ over tokens of log(π / π_ref)"""
    return_: Float32 = field(name="return")
    """R̄ = Σ γᵗ r̄ₜ, of the transformed reward, KL in"""
    lambda_return: Float32
    """GAE advantage + value at the first generated token"""
    length: Uint32
    """generated tokens, EOS in"""
    failures: list[RewardFailure]
    """no episode stands in two of them"""
    entropy: Finite
    """mean over generated tokens, nats"""
    tokens: Count
    seconds: RolloutSeconds


# ── update ──────────────────────────────────────────────────────────────────────────────────


class UpdatePayload(Message, frozen=True, kw_only=True):
    rollout: Count
    weights: Float32
    """one an episode, ≥ 0, 0 without a reward; weight 0 costs no forward or backward pass"""
    seed: Seed
    learning_rate_factor: Finite
    """multiplies both learning rates"""


class UpdateResult(Message, frozen=True, kw_only=True):
    loss_policy: Finite
    loss_value: Finite
    entropy: Finite
    clip_fraction: Finite
    approx_kl: Finite
    grad_norm: Finite
    explained_variance: Finite
    gradient_steps: Count
    episodes: Count
    """episodes with weight > 0"""
    tokens: Count
    """generated tokens of those, times epochs"""
    memory_bytes: Count
    """of this process, on the host"""
    gpu: GpuState | None
    """None: it computes on no GPU"""
    seconds: Seconds


# ── texts ───────────────────────────────────────────────────────────────────────────────────


class TextsPayload(Message, frozen=True, kw_only=True):
    rollout: Count
    episodes: Uint32
    """positions in the rollout's prompts"""


class EpisodeText(Message, frozen=True, kw_only=True):
    """What people read and nothing is computed from."""

    episode: Count
    prompt: str
    """bounded: what is too long is cut, and ends with a mark"""
    completion: str
    """bounded likewise"""


class TextsResult(Message, frozen=True, kw_only=True):
    texts: list[EpisodeText]
    """of the episodes asked for, in their order"""


# ── save, restore, export ───────────────────────────────────────────────────────────────────


class SavePayload(Message, frozen=True, kw_only=True):
    path: str
    """an existing empty folder; the caller renames it once the digests are written"""


class SaveResult(Message, frozen=True, kw_only=True):
    files: Digests
    bytes: Count
    seconds: Seconds


class RestorePayload(Message, frozen=True, kw_only=True):
    path: str


class RestoreResult(Message, frozen=True, kw_only=True):
    seconds: Seconds


class ExportPayload(Message, frozen=True, kw_only=True):
    """transformers format; LoRA is merged in."""

    path: str
    weights: Literal["current", "average"]


class ExportResult(Message, frozen=True, kw_only=True):
    files: Digests
    bytes: Count
    seconds: Seconds
