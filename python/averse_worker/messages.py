"""The worker's side of the protocol: mirrors `src/protocol/messages.ts`, in the same order.

Every struct forbids unknown fields and refuses NaN, infinities and arrays whose length is no
multiple of four bytes, on decoding and on construction alike. Per-episode arrays are bytes on
the wire (little-endian float32 or uint32); `float32_array` and its siblings convert them.
`test_messages.py` compares this file with the JSON Schema exported from the TypeScript side.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
import numpy as np
from msgspec import Meta, Raw, Struct, field
from numpy.typing import NDArray

from averse_worker.errors import ErrorKind

PROTOCOL_VERSION: Final = 3
"""Exact match is required and checked first; a mismatch says which side is older."""

LARGEST_EXACT_INTEGER: Final = 2**53 - 1
"""JavaScript's Number.MAX_SAFE_INTEGER: larger integers lose digits in the controller."""

MAX_MESSAGE_BYTES: Final = 256 * 2**20
"""Largest message either way: far above any real one, and below what would exhaust the host."""

Count = Annotated[int, Meta(ge=0, le=LARGEST_EXACT_INTEGER)]
Seed = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
Version = Annotated[int, Meta(ge=-LARGEST_EXACT_INTEGER, le=LARGEST_EXACT_INTEGER)]
Finite = float
Seconds = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Float32 = Annotated[bytes, Meta(extra_json_schema={"format": "float32-le"})]
Uint32 = Annotated[bytes, Meta(extra_json_schema={"format": "uint32-le"})]
Digests = dict[str, str]
"""File name → sha256, hexadecimal."""


class NotFinite(ValueError):  # noqa: N818
    """A message was about to carry NaN or an infinity; the engine has diverged."""


class MessageTooLarge(ValueError):  # noqa: N818
    """A message is over `MAX_MESSAGE_BYTES` and cannot be sent."""


class Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything on the wire.

    Raises:
        NotFinite: a float is NaN or infinite (a `msgspec.ValidationError` when decoding).
        ValueError: an array's length is no multiple of four bytes.
    """

    def __post_init__(self) -> None:
        for name, wire_name in zip(
            self.__struct_fields__, self.__struct_encode_fields__, strict=True
        ):
            value = getattr(self, name)
            if isinstance(value, float) and not math.isfinite(value):
                raise NotFinite(f"`{wire_name}` is {value}, expected a finite number")
            if isinstance(value, bytes) and len(value) % 4 != 0:
                raise ValueError(
                    f"`{wire_name}` has {len(value)} bytes, expected a multiple of 4 "
                    "(one 32-bit value an entry)"
                )


# ── arrays ──────────────────────────────────────────────────────────────────────────────────


def float32_array(data: bytes) -> NDArray[np.float32]:
    """Reads little-endian float32 bytes as a writable array of shape (len(data) / 4,)."""
    _check_whole(data)
    return np.frombuffer(data, dtype="<f4").astype(np.float32)


def uint32_array(data: bytes) -> NDArray[np.uint32]:
    """Reads little-endian uint32 bytes as a writable array of shape (len(data) / 4,)."""
    _check_whole(data)
    return np.frombuffer(data, dtype="<u4").astype(np.uint32)


def float32_bytes(
    values: Sequence[float] | NDArray[Any], failed: NDArray[np.bool_] | None = None
) -> bytes:
    """Packs a one-dimensional array of numbers as little-endian float32.

    Args:
        failed: marks the episodes without a reward; they go out as NaN, whatever their value.

    Raises:
        NotFinite: another value is NaN, infinite, or beyond float32.
        ValueError: the array has not exactly one dimension.
    """
    array = _one_dimensional(np.asarray(values))
    with np.errstate(over="ignore"):
        packed = array.astype("<f4")
    finite = np.isfinite(packed)
    if failed is not None:
        packed[failed], finite[failed] = np.nan, True
    if not finite.all():
        first = int(np.argmin(finite))
        raise NotFinite(
            f"{int((~finite).sum())} of {packed.size} values are not finite in float32, "
            f"the first at index {first} ({array[first]})"
        )
    return packed.tobytes()


def uint32_bytes(values: Sequence[int] | NDArray[Any]) -> bytes:
    """Packs a one-dimensional array of whole numbers in [0, 2³²) as little-endian uint32.

    Raises:
        ValueError: a value is out of range or no whole number, or the shape is wrong.
    """
    array = _one_dimensional(np.asarray(values))
    if array.size and not ((array >= 0) & (array <= 0xFFFF_FFFF) & (array % 1 == 0)).all():
        raise ValueError(f"values must be whole numbers in [0, 2³²), got {array}")
    return array.astype("<u4").tobytes()


def _check_whole(data: bytes) -> None:
    if len(data) % 4 != 0:
        raise ValueError(f"an array has {len(data)} bytes, expected a multiple of 4")


def _one_dimensional(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1:
        raise ValueError(f"an array has shape {array.shape}, expected one dimension")
    return array


# ── of several results ──────────────────────────────────────────────────────────────────────


class GpuState(Message, frozen=True, kw_only=True):
    """The whole GPU, with what other programs take of it: to be watched, no figure comes of it."""

    load: Share | None
    """share of up to the last second in which it was busy; None: it cannot be read"""
    memory_used_bytes: Count
    memory_total_bytes: Count


# ── load ────────────────────────────────────────────────────────────────────────────────────


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


# ── evaluate ────────────────────────────────────────────────────────────────────────────────


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


# ── control: answered by the control thread, also while the engine works ────────────────────


class Empty(Message, frozen=True, kw_only=True):
    pass


class PingResult(Message, frozen=True, kw_only=True):
    busy: str | None
    """command in hand"""
    phase: str | None
    memory_bytes: Count
    """of this process, on the host"""


Command = Literal[
    "load",
    "sft",
    "rollout",
    "update",
    "texts",
    "evaluate",
    "save",
    "restore",
    "export",
    "ping",
    "interrupt",
    "shutdown",
]

PAYLOADS: Final[dict[Command, type[Message]]] = {
    "load": LoadPayload,
    "sft": SftPayload,
    "rollout": RolloutPayload,
    "update": UpdatePayload,
    "texts": TextsPayload,
    "evaluate": EvaluatePayload,
    "save": SavePayload,
    "restore": RestorePayload,
    "export": ExportPayload,
    "ping": Empty,
    "interrupt": Empty,
    "shutdown": Empty,
}

RESULTS: Final[dict[Command, type[Message]]] = {
    "load": LoadResult,
    "sft": SftResult,
    "rollout": RolloutResult,
    "update": UpdateResult,
    "texts": TextsResult,
    "evaluate": EvaluateResult,
    "save": SaveResult,
    "restore": RestoreResult,
    "export": ExportResult,
    "ping": PingResult,
    "interrupt": Empty,
    "shutdown": Empty,
}

COMMANDS: Final[tuple[Command, ...]] = get_args(Command)


# ── envelopes ───────────────────────────────────────────────────────────────────────────────


class Request(Message, frozen=True, kw_only=True, tag_field="kind", tag="request"):
    """Controller → worker. `payload` is decoded against the command's own struct."""

    protocol: Version
    session: str
    id: Count
    command: Command
    payload: Raw


class Capabilities(Message, frozen=True, kw_only=True):
    sft: bool
    lora: bool
    prefix_baseline: bool
    average: bool
    checkpoint: bool


class Hello(Message, frozen=True, kw_only=True, tag_field="kind", tag="hello"):
    """First message of a worker, before it imports torch."""

    protocol: Version
    session: str
    pid: Count
    engine: str
    version: str
    """of the worker package"""
    capabilities: Capabilities


class Reply(Message, frozen=True, kw_only=True, tag_field="kind", tag="reply"):
    session: str
    id: Count
    result: Any


class Failure(Message, frozen=True, kw_only=True, tag_field="kind", tag="failure"):
    session: str
    id: Count | None
    """None: no request could be read"""
    error: ErrorKind
    message: str
    """what, where, what was expected, what to do next"""
    key: str | None
    """config key path that led here, when known"""
    detail: str | None
    """traceback or numbers"""


class Progress(Message, frozen=True, kw_only=True, tag_field="kind", tag="progress"):
    session: str
    id: Count
    phase: str
    """import, load, sample, reference, reward, update, evaluate, …"""
    done: Count
    total: Count
    """0: unknown"""
    unit: str


FromWorker = Hello | Reply | Failure | Progress


def encode(message: Message) -> bytes:
    """Encodes an envelope (or any message) as MessagePack.

    Raises:
        MessageTooLarge: the peer would drop the connection over it.
        UnicodeEncodeError: a text holds half a surrogate pair, which UTF-8 cannot carry.
    """
    data = msgspec.msgpack.encode(message)
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(
            f"a {type(message).__name__} has {len(data)} bytes, "
            f"expected at most {MAX_MESSAGE_BYTES}; ask for fewer episodes at once"
        )
    return data
