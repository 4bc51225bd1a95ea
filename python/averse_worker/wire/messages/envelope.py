"""Envelopes and the table of commands; mirrors `src/protocol/messages.ts`, in the same order.

The files beside this one hold the commands' payloads and results. Every struct forbids unknown
fields and refuses NaN, infinities and arrays whose length is no multiple of four bytes, on decoding
and on construction alike. `test_messages.py` compares them with the JSON Schema exported from the
TypeScript side.
"""

from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta, Raw

from averse_worker.wire.errors import ErrorKind
from averse_worker.wire.messages.base import LARGEST_EXACT_INTEGER, Count, Finite, Message
from averse_worker.wire.messages.evaluation import (
    CapabilityPayload,
    CapabilityResult,
    EvaluatePayload,
    EvaluateResult,
    ToxicityPayload,
    ToxicityResult,
)
from averse_worker.wire.messages.load import (
    DevicesResult,
    LoadPayload,
    LoadResult,
    ScorePromptsPayload,
    ScorePromptsResult,
)
from averse_worker.wire.messages.stages import (
    DescribeStagePayload,
    DescribeStageResult,
    TrainStagePayload,
    TrainStageResult,
)
from averse_worker.wire.messages.training import (
    ExportPayload,
    ExportResult,
    RestorePayload,
    RestoreResult,
    RolloutPayload,
    RolloutResult,
    SavePayload,
    SaveResult,
    SftPayload,
    SftResult,
    TextsPayload,
    TextsResult,
    UpdatePayload,
    UpdateResult,
)

PROTOCOL_VERSION: Final = 8
"""Exact match is required and checked first; a mismatch says which side is older."""

MAX_MESSAGE_BYTES: Final = 256 * 2**20
"""Largest message either way: far above any real one, and below what would exhaust the host."""

Version = Annotated[int, Meta(ge=-LARGEST_EXACT_INTEGER, le=LARGEST_EXACT_INTEGER)]


class MessageTooLarge(ValueError):  # noqa: N818
    """A message is over `MAX_MESSAGE_BYTES` and cannot be sent."""


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
    "devices",
    "describe_stage",
    "train_stage",
    "load",
    "score_prompts",
    "sft",
    "rollout",
    "update",
    "texts",
    "evaluate",
    "toxicity",
    "capability",
    "save",
    "restore",
    "export",
    "ping",
    "interrupt",
    "shutdown",
]

PAYLOADS: Final[dict[Command, type[Message]]] = {
    "devices": Empty,
    "describe_stage": DescribeStagePayload,
    "train_stage": TrainStagePayload,
    "load": LoadPayload,
    "score_prompts": ScorePromptsPayload,
    "sft": SftPayload,
    "rollout": RolloutPayload,
    "update": UpdatePayload,
    "texts": TextsPayload,
    "evaluate": EvaluatePayload,
    "toxicity": ToxicityPayload,
    "capability": CapabilityPayload,
    "save": SavePayload,
    "restore": RestorePayload,
    "export": ExportPayload,
    "ping": Empty,
    "interrupt": Empty,
    "shutdown": Empty,
}

RESULTS: Final[dict[Command, type[Message]]] = {
    "devices": DevicesResult,
    "describe_stage": DescribeStageResult,
    "train_stage": TrainStageResult,
    "load": LoadResult,
    "score_prompts": ScorePromptsResult,
    "sft": SftResult,
    "rollout": RolloutResult,
    "update": UpdateResult,
    "texts": TextsResult,
    "evaluate": EvaluateResult,
    "toxicity": ToxicityResult,
    "capability": CapabilityResult,
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
    """What an engine can do; `src/protocol/README.md` says what each is."""

    sft: bool
    stages: bool
    lora: bool
    critic: bool
    prefix_baseline: bool
    ema: bool
    checkpoint: bool
    completions: bool
    kl_loss: bool
    bitwise: bool
    common_random_numbers: bool
    distributed: bool
    harness: bool


class Limit(Message, frozen=True, kw_only=True):
    """What an engine takes of one setting, where it takes less than the configuration allows."""

    key: str
    """path in the configuration; of an engine option that is left out its default counts"""
    when: dict[str, str | bool]
    """further keys with the values for which it holds; empty: it always does"""
    trains: bool
    """whether it holds only where the policy is trained by RL"""
    allowed: list[str] | None
    """values; empty: the setting is to be left out; None: by the numbers or the pattern"""
    minimum: Finite | None
    maximum: Finite | None
    pattern: str | None
    """regular expression that is found in it"""
    why: str
    """a clause, for people"""


class DeclaredFigure(Message, frozen=True, kw_only=True):
    unit: str
    """empty: none"""
    description: str


class DeclaredFigures(Message, frozen=True, kw_only=True):
    """Every figure that an engine may report, by name."""

    update: dict[str, DeclaredFigure]
    evaluate: dict[str, DeclaredFigure]
    stage: dict[str, DeclaredFigure]


class Hello(Message, frozen=True, kw_only=True, tag_field="kind", tag="hello"):
    """First message of a worker, before it imports torch."""

    protocol: Version
    session: str
    pid: Count
    host: str
    """name of the machine that it runs on, as that has it"""
    engine: str
    version: str
    """of the worker package"""
    capabilities: Capabilities
    engine_options: dict[str, Any]
    """JSON Schema (draft 2020-12) of what load's engine_options may be"""
    limits: list[Limit]
    figures: DeclaredFigures


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
    """import, load, score, sample, reference, reward, update, evaluate, …"""
    done: Count
    total: Count
    """0: unknown"""
    unit: str
    loss: Finite | None
    """of the training in hand, at its last step; None: there is none"""


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
            f"expected at most {MAX_MESSAGE_BYTES}; request fewer episodes at once"
        )
    return data
