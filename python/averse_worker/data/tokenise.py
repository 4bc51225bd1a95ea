"""Prompts and texts as token ids."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from averse_worker.data.sources import KEY, Row
from averse_worker.wire.errors import InputError


@dataclass(frozen=True)
class Prompts:
    """The prompts of one split, tokenised; entry i of each field belongs to prompt `ids[i]`."""

    ids: NDArray[np.uint32]
    tokens: list[list[int]]
    """1 to prompt_tokens each"""
    texts: list[str]
    """the tokens as text again: what the reward model sees"""


def tokenise_prompts(
    rows: list[Row], tokenizer: PreTrainedTokenizerBase, prompt_tokens: int
) -> Prompts:
    """Cuts each row to its first `prompt_tokens` tokens.

    Raises:
        InputError: a row has no token.
    """
    encoded = tokenizer(
        [row.text for row in rows], truncation=True, max_length=prompt_tokens
    ).input_ids
    end = tokenizer.eos_token_id
    tokens: list[list[int]] = []
    for row, ids in zip(rows, encoded, strict=True):
        # Some tokenizers close every text with end-of-text; nothing may follow that.
        if len(ids) > 1 and ids[-1] == end:
            ids = ids[:-1]
        if not ids:
            raise InputError(f"{row.place}: the text has no tokens, expected at least one", key=KEY)
        tokens.append(list(ids))
    texts = tokenizer.batch_decode(tokens, skip_special_tokens=True)
    return Prompts(np.array([row.id for row in rows], dtype=np.uint32), tokens, texts)


def tokenise_texts(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_tokens: int
) -> list[list[int]]:
    """Token ids of each text, at most `max_tokens`; a text that is not cut ends with its end
    token, so that the model learns where texts end and nowhere else."""
    end = tokenizer.eos_token_id
    rows = []
    for ids in tokenizer(list(texts)).input_ids:
        closed = ids if len(ids) > 1 and ids[-1] == end else [*ids, end]
        rows.append(closed[:max_tokens])
    # One token alone predicts nothing.
    return [row for row in rows if len(row) > 1]
