"""Texts as scorers and people read them, from token ids.

Control tokens (begin and end of text, the markers of chat templates) are ids, not words: a text
that merely spells one does not contain it. A scorer that knows a control token is given it, any
other scorer reads the text without.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Control:
    """A control token where it stands in a text."""

    token: str


class Text(str):
    """Prompt and completion in one. As a string: without control tokens."""

    __slots__ = ("pieces", "prompt", "reply")

    pieces: tuple[str | Control, ...]
    """the same with control tokens; without the token that begins a text: scorers add their own"""
    prompt: str
    """what the text begins with, without control tokens"""
    reply: str | None
    """of a conversation: the assistant's answer, a paragraph of its own; None: of running text"""

    def __new__(
        cls,
        plain: str,
        pieces: Sequence[str | Control] = (),
        prompt: str = "",
        reply: str | None = None,
    ) -> Self:
        text = super().__new__(cls, plain)
        text.pieces = tuple(pieces) or (plain,)
        text.prompt = prompt
        text.reply = reply
        return text

    @classmethod
    def conversation(cls, prompt: str, reply: str | None = None) -> Self:
        """What is said in a conversation, without the template's markers.

        Args:
            reply: None: the prompt alone.
        """
        if reply is None:
            return cls(prompt, prompt=prompt)
        return cls(f"{prompt}\n\n{reply}", prompt=prompt, reply=reply)

    @property
    def completion(self) -> str:
        """The text after its prompt; a character that spans both belongs to the completion."""
        if self.reply is not None:
            return self.reply
        same = itertools.takewhile(
            lambda pair: pair[0] == pair[1], zip(self, self.prompt, strict=False)
        )
        return self[sum(1 for _ in same) :]

    @property
    def written(self) -> str:
        """Control tokens spelled out, for people."""
        return "".join(p.token if isinstance(p, Control) else p for p in self.pieces)


def completion_of(prompt: str, whole: Text) -> str:
    """The rest of the whole text after its prompt, both with control tokens spelled out."""
    return whole.written.removeprefix(prompt) if whole.reply is None else whole.reply


def control_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """Id and spelling of every control token."""
    special = {i: str(t) for i, t in tokenizer.added_tokens_decoder.items() if t.special}
    named = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    return special | {i: str(token) for i, token in named}


def template(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Ids that the tokenizer puts before, and after, every text."""
    inner: list[int] = tokenizer("a", add_special_tokens=False).input_ids
    whole: list[int] = tokenizer("a").input_ids
    places = range(len(whole) - len(inner) + 1)
    first = next((i for i in places if whole[i : i + len(inner)] == inner), 0)
    return whole[:first], whole[first + len(inner) :]


def begun_once(ids: list[int], before: Sequence[int]) -> list[int]:
    """Without what a tokenizer puts before every text, where the text has that as well."""
    width = len(before)
    return ids[width:] if width and ids[: 2 * width] == [*before, *before] else ids


def read_tokens(
    tokenizer: PreTrainedTokenizerBase,
    end_tokens: Sequence[int],
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]] | None = None,
) -> list[Text]:
    """The texts of prompts, or of prompts and responses: decoded in one piece, as a character may
    span both."""
    known = control_tokens(tokenizer)
    drawn: Sequence[Sequence[int]] = [[]] * len(prompts) if responses is None else responses
    whole = [[*prompt, *response] for prompt, response in zip(prompts, drawn, strict=True)]
    plain = tokenizer.batch_decode(whole, skip_special_tokens=True)
    begins = plain
    if responses is not None:
        begins = tokenizer.batch_decode(list(map(list, prompts)), skip_special_tokens=True)
    before = template(tokenizer)[0]
    texts = []
    for i, tokens in enumerate(whole):
        first = int(tokens[0] == tokenizer.bos_token_id)
        if before and tokens[: len(before)] == before:
            first = len(before)
        chat = any(token in known for token in prompts[i][max(first, 1) :])
        # The end of a turn is a marker of the chat; the end of a text is not part of it.
        ended = bool(drawn[i]) and drawn[i][-1] in end_tokens and not chat
        inner = tokens[first : len(tokens) - int(ended)]
        pieces = _pieces(tokenizer, inner, known) if known.keys() & set(inner) else ()
        texts.append(Text(plain[i], pieces, begins[i]))
    return texts


def _pieces(
    tokenizer: PreTrainedTokenizerBase, tokens: list[int], known: dict[int, str]
) -> list[str | Control]:
    marks = [known[token] for token in tokens if token in known]
    text: str = tokenizer.decode(tokens, skip_special_tokens=False)
    parts = re.split(
        "(" + "|".join(map(re.escape, sorted(known.values(), key=len)[::-1])) + ")", text
    )
    if parts[1::2] == marks:
        return [Control(p) if i % 2 else p for i, p in enumerate(parts) if p]
    # Some words spell a control token: piece by piece, so that they stay words.
    pieces: list[str | Control] = []
    run: list[int] = []
    for token in [*tokens, None]:
        if token is not None and token not in known:
            run.append(token)
            continue
        if run:
            pieces.append(tokenizer.decode(run, skip_special_tokens=False))
            run = []
        if token is not None:
            pieces.append(Control(known[token]))
    return pieces
