"""A linear classifier over hashed word n-grams: no torch, 1,600 short texts in tens of ms.

score = scale·(bias + Σ_u w[u] / √(|U| + soften)),  U = the *set* of the text's n-gram buckets.
Sets instead of counts: saying a word twice earns nothing more.
"""

import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from averse_worker.rewards.builtin.folder import (
    read_config,
    read_number,
    read_positive,
    read_weights,
)

ARCHITECTURE = "averse-ngram"

_WORD = re.compile(r"[a-z0-9']+|[!?]")
# Odd 64-bit multipliers (from splitmix64 and xxHash) that mix a token's hash by its place.
_PLACES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
_SEAL = np.uint64(0xBF58476D1CE4E5B9)
# Sampled text brings new "words" without end: the cache is cleared when it gets this large.
_CACHE_LIMIT = 400_000


class TokenHasher:
    """Texts to n-gram buckets; the same on every machine and in every process."""

    def __init__(self, buckets: int, orders: int) -> None:
        if buckets & (buckets - 1) or not 2 <= buckets <= 2**24:
            raise ValueError(f"buckets is {buckets}, expected a power of two up to 2^24")
        if not 1 <= orders <= len(_PLACES):
            raise ValueError(f"orders is {orders}, expected 1 to {len(_PLACES)}")
        self.buckets = buckets
        self.orders = orders
        self._known: dict[str, int] = {}

    def features(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(row, bucket) of every distinct n-gram bucket of every text, ordered by row."""
        known = self._known
        if len(known) > _CACHE_LIMIT:
            known.clear()
        hashes: list[int] = []
        counts = np.empty(len(texts), dtype=np.int64)
        for i, text in enumerate(texts):
            before = len(hashes)
            for word in _WORD.findall(text.lower()):
                value = known.get(word)
                if value is None:
                    value = known[word] = zlib.crc32(word.encode())
                hashes.append(value)
            counts[i] = len(hashes) - before
        tokens = np.array(hashes, dtype=np.uint64)
        rows = np.repeat(np.arange(len(texts), dtype=np.int64), counts)
        keys = [self._keys(tokens, rows, order) for order in range(1, self.orders + 1)]
        # One sort finds the distinct (row, bucket) pairs, and the order of summing with them.
        distinct = np.concatenate(keys) if keys else np.empty(0, dtype=np.int64)
        distinct.sort()
        if distinct.size:
            distinct = distinct[np.concatenate(([True], distinct[1:] != distinct[:-1]))]
        return distinct // self.buckets, distinct % self.buckets

    def _keys(
        self, tokens: NDArray[np.uint64], rows: NDArray[np.int64], order: int
    ) -> NDArray[np.int64]:
        """row·buckets + bucket of every n-gram of one order that lies within one text."""
        size = tokens.size - order + 1
        if size <= 0:
            return np.empty(0, dtype=np.int64)
        mixed = np.full(size, order, dtype=np.uint64)
        for place in range(order):
            mixed += (tokens[place : place + size] + np.uint64(1)) * np.uint64(_PLACES[place])
        mixed ^= mixed >> np.uint64(29)
        mixed *= _SEAL
        mixed >>= np.uint64(40)
        inside = rows[:size] == rows[order - 1 :]
        bucket = mixed.astype(np.int64) & (self.buckets - 1)
        keys: NDArray[np.int64] = (rows[:size] * self.buckets + bucket)[inside]
        return keys


class NgramClassifier:
    """Scores texts by the n-grams that are in them."""

    def __init__(
        self,
        weights: NDArray[np.float32],
        orders: int,
        soften: float,
        bias: float,
        scale: float,
    ) -> None:
        self._hasher = TokenHasher(weights.shape[0], orders)
        self._weights = weights
        self._soften = soften
        self._bias = bias
        self._scale = scale

    @staticmethod
    def from_folder(path: Path) -> "NgramClassifier":
        """Reads a classifier; ValueError naming folder and file where it is not as expected."""
        config = read_config(path, ARCHITECTURE)
        buckets = read_positive(path, config, "buckets")
        weights = read_weights(path, {"weights": (buckets,)})["weights"]
        try:
            return NgramClassifier(
                weights,
                read_positive(path, config, "orders"),
                read_number(path, config, "soften"),
                read_number(path, config, "bias"),
                read_number(path, config, "scale"),
            )
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raw logits [len(texts)], high = positive; a text without words scores the bias."""
        if not texts:
            return np.empty(0, dtype=np.float32)
        rows, buckets = self._hasher.features(texts)
        sums = np.bincount(rows, self._weights[buckets], len(texts))
        sizes = np.bincount(rows, minlength=len(texts))
        scores = self._scale * (self._bias + sums / np.sqrt(sizes + self._soften))
        logits: NDArray[np.float32] = scores.astype(np.float32)
        return logits
