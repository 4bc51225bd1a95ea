"""Commands on the training state: SFT, rollout, update, texts, save, restore and export."""

from typing import Literal

from msgspec import field

from averse_worker.wire.messages.base import (
    Count,
    Digests,
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

LearningRateDecay = Literal["constant", "linear", "cosine"]
"""The course of a learning rate after its warm-up; linear and cosine: down to 0."""

# ── sft ─────────────────────────────────────────────────────────────────────────────────────


class SftPayload(Message, frozen=True, kw_only=True):
    seed: Seed
    steps: Count | None
    """gradient steps; None exactly when epochs is not"""
    epochs: Finite | None
    """passes over the texts"""
    batch: Count
    """texts per gradient step, packed: rows"""
    learning_rate: Finite
    """the highest"""
    learning_rate_decay: LearningRateDecay
    warmup: Fraction
    """fraction of the steps"""
    max_tokens: Count
    packing: bool
    """several texts per row of max_tokens, none of which sees another"""
    completion_only: bool
    held_out_every: Count
    """steps between measurements of the held-out loss; 0: none"""
    early_stopping: Count
    """measurements without improvement before it stops; 0: off"""


class LossPoint(Message, frozen=True, kw_only=True):
    """One point of a training loss's course."""

    step: Count
    """gradient steps so far"""
    loss: Finite
    """mean over the steps since the point before, nats per token or label"""
    held_out: Finite | None
    """loss on held-out rows after this step; None: not measured"""
    learning_rate: Finite
    """of this step"""


class SftResult(Message, frozen=True, kw_only=True):
    steps: Count
    """gradient steps taken"""
    kept_step: Count
    """after which the kept weights are; before steps: early stopping"""
    loss_first: Finite
    loss_last: Finite
    curve: list[LossPoint]
    """at most some hundreds of points"""
    texts: Count
    seconds: Seconds


# ── rollout ─────────────────────────────────────────────────────────────────────────────────


class RolloutPayload(Message, frozen=True, kw_only=True):
    prompts: Uint32
    """ids in the train set"""
    completions: Positive
    """episodes per prompt id"""
    condition: Count | None
    """place in load's conditions; None: the prompts alone"""
    seed: Seed
    kl_coefficient: Finite | None
    """β of the dense reward; None: the KL is not in the return"""


class RolloutSeconds(Message, frozen=True, kw_only=True):
    sample: Seconds
    reference: Seconds
    reward: Seconds


class RolloutResult(Message, frozen=True, kw_only=True):
    rollout: Count
    """the tensors stay with the worker under this id until the next rollout"""
    reward: Float32
    """raw, combined; NaN here and in both returns where a component failed"""
    components: list[Scored]
    """one per reward component, in load's order"""
    trained: list[Float32]
    """one array per reward component, in load's order: what it adds to the trained reward; NaN
    where it failed"""
    kl: Float32
    """Σ over tokens of log(π / π_ref)"""
    return_: Float32 = field(name="return")
    """R̄ = Σ γᵗ r̄ₜ, of the trained reward, KL in it where β is"""
    lambda_return: Float32 | None
    """GAE advantage + value at the first generated token; None: there is no critic"""
    length: Uint32
    """generated tokens, end of text in"""
    entropy: Finite | None
    """mean over generated tokens, nats; None: not known"""
    tokens: Count
    seconds: RolloutSeconds


# ── update ──────────────────────────────────────────────────────────────────────────────────


KlForm = Literal["exact", "k3", "k3-corrected"]
"""how the KL of a token is computed; src/protocol/README.md, section `update`"""


class KlLoss(Message, frozen=True, kw_only=True):
    form: KlForm
    coefficient: NonNegative
    unit: Literal["advantage", "reward"]
    """of the coefficient: that of the advantages in the loss, or that of those before whitening"""


class UpdatePayload(Message, frozen=True, kw_only=True):
    rollout: Count
    weights: Float32 | None
    """per episode, ≥ 0, on the critic's advantages; only their ratios matter"""
    rewards: Float32 | None
    """per episode, in place of the trained reward in what the critic's advantages follow from; only
    with weights; None: as rolled out"""
    advantages: Float32 | None
    """per episode, signed, in place of the critic's; excludes weights"""
    conditions: Uint32 | None
    """per episode, the one of load's conditions under which it is learned, by -A·log π and without
    a ratio; only with advantages, and a KL loss that is exact; None: as it was drawn"""
    kl_weights: Float32 | None
    """per episode, ≥ 0, on the KL loss; None: there is no KL loss"""
    kl_loss: KlLoss | None
    """None exactly when kl_weights is"""
    whiten: Literal["kept", "batch"]
    """tokens whose mean and deviation whiten the critic's advantages"""
    loss_aggregation: Literal["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"]
    steps_per_epoch: Positive | None
    """gradient steps per epoch; None: one per training.minibatch episodes"""
    seed: Seed
    learning_rate_factor: Finite
    """multiplies both learning rates"""


class UpdateResult(Message, frozen=True, kw_only=True):
    figures: Figures
    gradient_steps: Count
    episodes: Count
    """that took part: with a weight, an advantage or a KL weight"""
    tokens: Count
    """generated tokens of those, gone through in all epochs"""
    memory_bytes: Count
    """of this process, on the host"""
    gpu: GpuState | None
    """None: it computes on no GPU"""
    seconds: Seconds


# ── texts ───────────────────────────────────────────────────────────────────────────────────


class TextsPayload(Message, frozen=True, kw_only=True):
    rollout: Count
    episodes: Uint32
    """positions of episodes in the rollout"""


class EpisodeText(Message, frozen=True, kw_only=True):
    """What people read and nothing is computed from."""

    episode: Count
    prompt: str
    """bounded: what is too long is cut, and ends with a mark"""
    completion: str
    """bounded likewise"""


class TextsResult(Message, frozen=True, kw_only=True):
    texts: list[EpisodeText]
    """of the requested episodes, in their order"""


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
    weights: Literal["current", "ema"]


class ExportResult(Message, frozen=True, kw_only=True):
    files: Digests
    bytes: Count
    seconds: Seconds
