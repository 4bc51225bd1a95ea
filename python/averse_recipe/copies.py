"""Finds text that repeats a review word for word."""

import re
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

SPAN = 9

_WORD = re.compile(r"[a-z0-9']+")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class CopyFinder:
    """Knows every run of `SPAN` words of the reviews, as 64-bit hashes."""

    def __init__(self, spans: NDArray[np.uint64]) -> None:
        self.spans = spans

    @staticmethod
    def of(reviews: Iterable[str]) -> "CopyFinder":
        known: dict[str, int] = {}
        parts = [_hashes(text, known) for text in reviews]
        return CopyFinder(np.unique(np.concatenate(parts)))

    def copied(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each text shares a run of `SPAN` words with a review [len(texts)]."""
        known: dict[str, int] = {}
        found = np.zeros(len(texts), dtype=np.bool_)
        for i, text in enumerate(texts):
            spans = _hashes(text, known)
            at = np.searchsorted(self.spans, spans)
            found[i] = bool((self.spans[np.minimum(at, self.spans.size - 1)] == spans).any())
        return found


def _hashes(text: str, known: dict[str, int]) -> NDArray[np.uint64]:
    words = []
    for word in _WORD.findall(text.lower()):
        value = known.get(word)
        if value is None:
            value = known[word] = zlib.crc32(word.encode()) + 1
        words.append(value)
    ids = np.array(words, dtype=np.uint64)
    size = ids.size - SPAN + 1
    if size <= 0:
        return np.empty(0, dtype=np.uint64)
    mixed = np.zeros(size, dtype=np.uint64)
    for place in range(SPAN):
        mixed = (mixed ^ ids[place : place + size]) * _FACTOR
        mixed ^= mixed >> np.uint64(31)
    return mixed
