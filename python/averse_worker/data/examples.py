"""What supervised fine-tuning learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Completion:
    """A prompt and what should follow it."""

    prompt: str
    completion: str


@dataclass(frozen=True)
class Conversation:
    """Messages with role and content."""

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] | None = None
    """JSON schemas of what the assistant may call"""
    place: str = field(default="a conversation", compare=False)
    """where it came from, for errors"""


Example = str | Completion | Conversation


def contents(examples: Sequence[Example]) -> list[Example]:
    """The examples, and nothing of where they lie: for digests."""
    return [replace(one, place="") if isinstance(one, Conversation) else one for one in examples]
