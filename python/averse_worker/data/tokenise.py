"""Prompts and texts as token ids."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from averse_worker.data.sources import KEY, Row
from averse_worker.data.text import Text, read_tokens
from averse_worker.wire.errors import InputError


@dataclass(frozen=True)
class Prompts:
    """The prompts of one split, tokenised; entry i of each field belongs to prompt `ids[i]`."""

    ids: NDArray[np.uint32]
    tokens: list[list[int]]
    """1 to prompt_tokens each"""
    texts: list[Text]
    """the tokens as text again: what scorers read"""


def tokenise_prompts(
    rows: list[Row],
    tokenizer: PreTrainedTokenizerBase,
    end_tokens: Sequence[int],
    prompt_tokens: int,
) -> Prompts:
    """Cuts each row to its first `prompt_tokens` tokens.

    Raises:
        InputError: a row has no token.
    """
    encoded: list[list[int]] = [[]] * len(rows)
    for markers in (False, True):
        places = [i for i, row in enumerate(rows) if row.markers == markers]
        found = encode(tokenizer, [rows[i].text for i in places], markers=markers)
        for i, ids in zip(places, found, strict=True):
            encoded[i] = ids
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    before, after = template(tokenizer)
    tokens: list[list[int]] = []
    for row, ids in zip(rows, encoded, strict=True):
        # Some tokenizers close every text with end-of-text; nothing may follow that.
        if after == [end] and ids[-1:] == after:
            ids = ids[:-1]
        if before == [begin] and ids[:2] == [begin, begin]:  # the row has it as well
            ids = ids[1:]
        if not ids:
            raise InputError(f"{row.place}: the text has no tokens; expected at least one", key=KEY)
        tokens.append(ids[:prompt_tokens])
    texts = read_tokens(tokenizer, end_tokens, tokens)
    return Prompts(np.array([row.id for row in rows], dtype=np.uint32), tokens, texts)


def encode(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, markers: bool = False
) -> list[list[int]]:
    """Token ids of each text.

    Args:
        markers: whether words that spell a control token are that token. In running text they are
            not: it would end, or change its speaker, in the middle.
    """
    if not texts:
        return []
    found: list[list[int]] = tokenizer(list(texts), split_special_tokens=not markers).input_ids
    return found


def template(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Ids that the tokenizer puts before, and after, every text."""
    inner: list[int] = tokenizer("a", add_special_tokens=False).input_ids
    whole: list[int] = tokenizer("a").input_ids
    places = range(len(whole) - len(inner) + 1)
    first = next((i for i in places if whole[i : i + len(inner)] == inner), 0)
    return whole[:first], whole[first + len(inner) :]


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
