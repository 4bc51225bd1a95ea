"""Prompts and texts as token ids."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from averse_worker.data.rows import Message, Row, Tool
from averse_worker.data.templates import ChatTemplate
from averse_worker.data.text import Text, begun_once, read_tokens, template
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.data import Truncate

_TEXTS_AT_ONCE: Final = 256
"""A tokenizer returns words, offsets and masks beside the ids, over 100 bytes per token: of all
texts of a data set at once they took thirty times the memory of the texts."""


@dataclass(frozen=True)
class Prompts:
    """The prompts of one split, tokenised; entry i of each field belongs to prompt `ids[i]`."""

    ids: NDArray[np.uint32]
    tokens: list[list[int]]
    """1 to prompt_tokens each"""
    texts: list[Text]
    """what scorers read: the tokens as text again; of a conversation, what is said in it"""
    rows: Sequence[Row] = field(default=())
    """where they came from; empty: nothing is known but the texts"""
    truncated: int = 0
    """prompts that were cut to their length"""
    dropped: int = 0
    """rows that were left out as too long"""
    conditioned: list[list[list[int]]] = field(default_factory=list)
    """by condition: the prompts with its text before them"""
    columns: Sequence[str] = ()
    """names of the other columns of the data: every prompt has each of them, or nothing in it"""

    def under(self, condition: int | None) -> list[list[int]]:
        """Tokens after which completions are drawn; None: the prompts alone."""
        return self.tokens if condition is None else self.conditioned[condition]

    def is_conversation(self, at: int) -> bool:
        """Whether a chat template wrote the prompt."""
        return bool(self.rows) and self.rows[at].messages is not None

    def columns_of(self, at: int) -> Mapping[str, Any]:
        """The other columns of a prompt's row, by name; None where the row lacks one."""
        return dict.fromkeys(self.columns) | (self.rows[at].columns if self.rows else {})

    def messages_of(self, at: int) -> tuple[Message, ...] | None:
        """The conversation of a prompt; None: it is a plain one."""
        return self.rows[at].messages if self.rows else None

    def tools_of(self, at: int) -> tuple[Tool, ...] | None:
        """What the assistant may call in the conversation of a prompt; None: nothing."""
        return self.rows[at].tools if self.rows else None


def tokenise_prompts(
    rows: Sequence[Row],
    tokenizer: PreTrainedTokenizerBase,
    end_tokens: Sequence[int],
    prompt_tokens: int,
    chat: ChatTemplate | None = None,
    truncate: Truncate | None = None,
    key: str = "data",
    columns: Sequence[str] = (),
) -> Prompts:
    """The prompts of the rows, at most `prompt_tokens` tokens each.

    Args:
        chat: the template of the conversations among them.
        truncate: what is done with longer ones; None: conversations are refused, texts cut at
            their end.
        key: config key of the data, for errors.
        columns: names of the other columns of the data.

    Raises:
        InputError: a row has no token, or is too long where that is refused.
    """
    tokens, kept, truncated = prompt_tokens_of(rows, tokenizer, prompt_tokens, chat, truncate, key)
    texts = read_tokens(tokenizer, end_tokens, tokens)
    for at, row in enumerate(kept):
        if row.messages is not None:
            texts[at] = Text.conversation(row.text)
    ids = np.array([row.id for row in kept], dtype=np.uint32)
    dropped = len(rows) - len(kept)
    return Prompts(ids, tokens, texts, kept, truncated, dropped, columns=columns)


def prompt_tokens_of(
    rows: Sequence[Row],
    tokenizer: PreTrainedTokenizerBase,
    prompt_tokens: int,
    chat: ChatTemplate | None,
    truncate: Truncate | None,
    key: str,
) -> tuple[list[list[int]], list[Row], int]:
    """Token ids of the prompts, the rows that are kept, and how many of them were cut.

    Raises:
        InputError: as `tokenise_prompts`.
    """
    begin = template(tokenizer)[0]
    same: dict[int, int] = {}
    tokens: list[list[int]] = []
    kept: list[Row] = []
    truncated = 0
    for row, ids in zip(rows, whole_prompts(rows, tokenizer, chat), strict=True):
        if not ids:
            raise InputError(
                f"{row.place}: the text has no tokens; expected at least one", key=f"{key}.path"
            )
        rule = truncate or ("refuse" if row.messages is not None else "end")
        if len(ids) > prompt_tokens:
            if rule == "drop":
                continue
            if rule == "refuse":
                raise InputError(
                    f"{row.place}: the prompt has {len(ids)} tokens, over rollout.prompt_tokens "
                    f"({prompt_tokens}); raise it, or set {key}.truncate to start, end or drop",
                    key=f"{key}.truncate",
                )
            truncated += 1
            if row.messages is not None:
                assert chat is not None
                ids = chat.cut(row, prompt_tokens, rule)
            elif rule == "end":
                ids = ids[:prompt_tokens]
            elif begin and ids[: len(begin)] == begin and len(begin) < prompt_tokens:
                ids = begin + ids[len(ids) - prompt_tokens + len(begin) :]
            else:
                ids = ids[len(ids) - prompt_tokens :]
        # Equal numbers are one object: of a million prompts, each token would be one.
        tokens.append([same.setdefault(token, token) for token in ids])
        kept.append(row)
    if not kept:
        raise InputError(
            f"all {len(rows)} prompts have more than rollout.prompt_tokens ({prompt_tokens}) "
            f"tokens, and {key}.truncate is drop; raise rollout.prompt_tokens",
            key="rollout.prompt_tokens",
        )
    return tokens, kept, truncated


def with_conditions(
    prompts: Prompts,
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    prompt_tokens: int,
    chat: ChatTemplate | None,
    truncate: Truncate | None,
) -> Prompts:
    """The prompts, and with each text before them: before the tokens of a plain one, in the system
    message of a conversation. What was cut off a prompt stays cut off.

    Raises:
        InputError: a text has no tokens, or the chat template refuses a system message.
    """
    conditioned = [
        _under(prompts, text, tokenizer, prompt_tokens, chat, truncate) for text in texts
    ]
    return replace(prompts, conditioned=conditioned)


def _under(
    prompts: Prompts,
    text: str,
    tokenizer: PreTrainedTokenizerBase,
    prompt_tokens: int,
    chat: ChatTemplate | None,
    truncate: Truncate | None,
) -> list[list[int]]:
    before, after = template(tokenizer)
    [ids] = encode(tokenizer, [text])
    words = ids[len(before) : len(ids) - len(after)]
    if not words:
        raise InputError(
            "the text before the prompts has no tokens; write one, or null",
            key="decoding.instruction",
        )
    found = []
    for place, tokens in enumerate(prompts.tokens):
        if prompts.is_conversation(place):
            assert chat is not None
            row = prompts.rows[place]
            assert row.messages is not None
            asked = replace(row, messages=_with_system(row.messages, text))
            assert asked.messages is not None
            whole = chat.tokens(asked.messages, row.place, row.tools)
            plain = len(chat.tokens(row.messages, row.place, row.tools))
            if plain > prompt_tokens:
                longest = prompt_tokens + len(whole) - plain
                whole = chat.cut(asked, longest, truncate or "start")
            found.append(whole)
            continue
        begins = tokens[: len(before)] == before
        own = tokens[len(before) :] if begins else tokens
        found.append([*before, *words, *own])
    return found


def _with_system(messages: Sequence[Message], text: str) -> tuple[Message, ...]:
    first, *rest = messages
    if first["role"] != "system":
        return ({"role": "system", "content": text}, *messages)
    return (first | {"content": f"{text}\n\n{first['content']}"}, *rest)


def require_room(prompts: Prompts, new_tokens: int, context: int) -> None:
    """Refuses prompts under a condition that leave no room for completions.

    Raises:
        InputError: the longest of them and `new_tokens` exceed the model's context.
    """
    longest = max((len(ids) for own in prompts.conditioned for ids in own), default=0)
    if longest + new_tokens > context:
        raise InputError(
            f"prompts with the text before them have up to {longest} tokens, which with "
            f"{new_tokens} new ones make {longest + new_tokens}, but the model has {context} "
            "positions; shorten decoding.instruction, or lower rollout.prompt_tokens",
            key="rollout.prompt_tokens",
        )


def whole_prompts(
    rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, chat: ChatTemplate | None
) -> Iterator[list[int]]:
    """Token ids of the prompts, however long, one after the other.

    Raises:
        InputError: the chat template refuses a conversation.
    """
    plain = {
        markers: prompt_ids(
            tokenizer,
            [row.text for row in rows if row.messages is None and row.markers == markers],
            markers=markers,
        )
        for markers in (False, True)
    }
    for row in rows:
        if row.messages is None:
            yield next(plain[row.markers])
        else:
            assert chat is not None
            yield chat.tokens(row.messages, row.place, row.tools)


def token_ids(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], **options: Any
) -> Iterator[list[int]]:
    """Token ids of each text, one after the other, however many there are.

    Args:
        options: of the tokenizer's call.
    """
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        yield from tokenizer(list(texts[start : start + _TEXTS_AT_ONCE]), **options).input_ids


def encode(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, markers: bool = False
) -> Iterator[list[int]]:
    """As `token_ids`.

    Args:
        markers: whether words that spell a control token are that token. In running text they are
            not: it would end, or change its speaker, in the middle.
    """
    return token_ids(tokenizer, texts, split_special_tokens=not markers)


def prompt_ids(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, markers: bool
) -> Iterator[list[int]]:
    """As `token_ids`, of prompts: what the tokenizer puts before every text stands there once, and
    what it puts behind every text does not follow.

    Args:
        markers: as of `encode`.
    """
    around = template(tokenizer)
    return (as_prompt(ids, *around) for ids in encode(tokenizer, texts, markers=markers))


def as_prompt(ids: list[int], before: Sequence[int], after: Sequence[int]) -> list[int]:
    """A text's ids as those of a prompt, as of `prompt_ids`.

    Args:
        before, after: as of `template`.
    """
    if after and ids[-len(after) :] == after:
        ids = ids[: -len(after)]
    return begun_once(ids, before)


def tokenise_texts(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    max_tokens: int,
    *,
    keep_empty: bool = False,
) -> list[list[int]]:
    """Token ids of each text, at most `max_tokens`; a text that is not cut ends with its end
    token, so that the model learns where texts end and nowhere else.

    Args:
        keep_empty: keeps rows of one token, which predict nothing.
    """
    end = tokenizer.eos_token_id
    rows = []
    for ids in encode(tokenizer, texts):
        closed = ids if len(ids) > 1 and ids[-1] == end else [*ids, end]
        rows.append(closed[:max_tokens])
    return [row for row in rows if len(row) > 1 or keep_empty]
