"""How long a text is."""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

Unit = Literal["tokens", "words", "characters"]


class LengthReward:
    """Sign × the length of a text; with a target, sign × minus the distance from it."""

    batch: Final = None

    def __init__(
        self, unit: Unit, target: int | None, sign: int, tokenizer: PreTrainedTokenizerBase
    ) -> None:
        """`tokenizer`: the policy's; without the tokens that it puts around a text."""
        self._unit = unit
        self._target = target
        self._sign = sign
        self._tokenizer = tokenizer

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[len(texts)]"""
        lengths = np.array(self._lengths(texts), dtype=np.float32)
        if self._target is not None:
            lengths = -np.abs(lengths - np.float32(self._target))
        return np.float32(self._sign) * lengths

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        if self._unit == "characters":
            return [len(text) for text in texts]
        if self._unit == "words":
            return [len(text.split()) for text in texts]
        words = {"add_special_tokens": False, "split_special_tokens": True}
        filled = [str(text) for text in texts if text]
        found = self._tokenizer(filled, **words).input_ids if filled else []
        lengths = iter(found)
        return [len(next(lengths)) if text else 0 for text in texts]
