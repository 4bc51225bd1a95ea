"""What supervised fine-tuning learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


Example = str | Completion | Conversation
