"""What scorers are given: an episode with its prompt apart; the interface of what reads both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from averse_worker.data.rows import Message, Tool
from averse_worker.data.text import Text
from averse_worker.rewards.contract import Scores

Reading = Literal["whole", "completion"]
"""`reward.text`: what of an episode is scored."""


@dataclass(frozen=True)
class ScoredText:
    """What is scored: an episode, the beginning of one, or a prompt alone."""

    whole: Text
    """prompt and completion in one; a plain string: a text of its own"""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """of the prompt's row in the data, by name"""
    messages: Sequence[Message] | None = None
    """the prompt as a conversation; None: it is running text"""
    alone: bool = False
    """whether it is a prompt alone, or a text without any: that is what is scored then"""
    tools: Sequence[Tool] | None = None
    """what the assistant may call; None: nothing"""

    @classmethod
    def of(cls, text: str) -> "ScoredText":
        """A text as it is: without a prompt, it is one alone."""
        whole = text if isinstance(text, Text) else Text(text)
        return cls(whole, alone=not whole.prompt)

    def read(self, text: Reading) -> str:
        """What a model reads that scores one text."""
        return self.whole.completion if text == "completion" and not self.alone else self.whole

    def pair(self, text: Reading) -> tuple[str, str]:
        """Prompt and completion, for what is given both.

        A prompt alone is the prompt of an empty completion, or with `completion` the completion of
        an empty prompt: what is scored.
        """
        if self.alone:
            own = str(self.whole)
            return ("", own) if text == "completion" else (own, "")
        completion = self.whole.completion
        if self.whole.reply is not None:
            return self.whole.prompt, completion
        return str(self.whole)[: len(self.whole) - len(completion)], completion

    def conversation(self, text: Reading) -> tuple[list[Message], list[Message]] | None:
        """The same as messages, as TRL has them: the prompt's and the assistant's; None: it is
        running text."""
        if self.messages is None:
            return None
        _, completion = self.pair(text)
        before = [] if self.alone and text == "completion" else list(self.messages)
        return before, [{"role": "assistant", "content": completion}]


class PairModel(Protocol):
    """As `RewardModel`, of prompts, completions and their columns."""

    @property
    def batch(self) -> int | None:
        """Texts per call of `score_pairs`; None: no limit."""
        ...

    def score_pairs(self, texts: Sequence[ScoredText]) -> Scores:
        """Scores and failures of the texts, in their order.

        Raises:
            UnavailableError: none could be had, whatever the texts are.
        """
        ...


class UnavailableError(Exception):
    """No text can be scored now: not the texts are at fault."""

    def __init__(self, message: str, *, again: bool, after: float = 0.0) -> None:
        """`again`: another attempt may succeed, `after` so many seconds at the earliest."""
        super().__init__(message)
        self.again = again
        self.after = after
