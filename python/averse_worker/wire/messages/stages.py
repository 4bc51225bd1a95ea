"""Stages: models trained from data of their own into a folder; mirrors `src/protocol/stages.ts`."""

from typing import Literal

from averse_worker.wire.messages.base import (
    Count,
    Digests,
    Figures,
    Finite,
    Fraction,
    Message,
    Seconds,
    Seed,
)
from averse_worker.wire.messages.data import DataSource
from averse_worker.wire.messages.load import LoadBackend
from averse_worker.wire.messages.training import LearningRateDecay, LossPoint


class ModelBase(Message, frozen=True, kw_only=True, tag_field="kind", tag="model"):
    """A model to go on from."""

    model: str
    """builtin, a folder, or a hub id"""
    revision: str | None
    trust_remote_code: bool


class ArchitectureBase(Message, frozen=True, kw_only=True, tag_field="kind", tag="architecture"):
    """New weights of a given shape."""

    family: Literal["gpt2", "llama", "distilbert"]
    layers: Count
    width: Count
    """of the hidden state"""
    heads: Count
    context: Count
    """positions, in tokens"""
    vocabulary: Count
    """tokens of the tokenizer that is trained on the stage's texts"""


class StageOptions(Message, frozen=True, kw_only=True):
    steps: Count | None
    """gradient steps; None: by epochs"""
    epochs: Finite | None
    """None: by steps"""
    batch: Count
    learning_rate: Finite
    learning_rate_decay: LearningRateDecay
    warmup: Fraction
    """of the steps"""
    max_tokens: Count
    """longer texts are cut"""
    held_out_every: Count
    """steps between measurements of the held-out loss; 0: none"""
    early_stopping: Count
    """measurements without improvement before it stops; 0: off"""


class Stage(Message, frozen=True, kw_only=True):
    name: str
    """in the configuration, for messages; nothing follows from it"""
    kind: Literal["language_model", "classifier", "reward_model"]
    base: ModelBase | ArchitectureBase
    data: DataSource
    options: StageOptions


class DescribeStagePayload(Message, frozen=True, kw_only=True):
    stage: Stage
    backend: LoadBackend


class StageInputs(Message, frozen=True, kw_only=True):
    base: Digests
    """empty: new weights"""
    data: Digests


class DescribeStageResult(Message, frozen=True, kw_only=True):
    digest: str
    """sha256 of all that the result follows from, but for the seed: equal, equal bits"""
    digests: StageInputs
    nondeterminism: list[str]
    """what may keep two trainings on this machine from being bit-identical"""


class TrainStagePayload(Message, frozen=True, kw_only=True):
    seed: Seed
    path: str
    """an existing empty folder; the caller renames it"""
    stage: Stage
    backend: LoadBackend


class TrainStageResult(Message, frozen=True, kw_only=True):
    files: Digests
    bytes: Count
    figures: Figures
    curve: list[LossPoint]
    """at most 500 points"""
    digests: StageInputs
    versions: dict[str, str]
    seconds: Seconds
