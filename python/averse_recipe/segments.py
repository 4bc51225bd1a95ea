"""Reviews cut at sentence boundaries into short token segments, and batches of them.

Training has to look like use: a segment starts with BOS at a sentence start and is at most
`SEGMENT` tokens long, as an opening with its continuation is. EOS stands only where the review
ends.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from averse_recipe.corpus import sentences

SEGMENT = 96
BOS_ID = 0
PAD_ID = 1
IGNORED = -100
# Segments are sorted by length only inside pools, so that batches stay mixed in content.
_POOL_BATCHES = 64


@dataclass(frozen=True, slots=True)
class TokenisedReviews:
    """Sentences of many reviews, each in two forms.

    `heads` holds the sentences as they look at the start of a segment, `tails` as they look after
    another sentence (with a leading space); both flat, sentence i at `[edges[i], edges[i + 1])`.
    `reviews` (R + 1) are the sentence numbers at which reviews start.
    """

    heads: NDArray[np.uint16]
    head_edges: NDArray[np.int64]
    tails: NDArray[np.uint16]
    tail_edges: NDArray[np.int64]
    reviews: NDArray[np.int64]

    def save(self, path: Path) -> None:
        np.savez(
            path,
            heads=self.heads,
            head_edges=self.head_edges,
            tails=self.tails,
            tail_edges=self.tail_edges,
            reviews=self.reviews,
        )

    @staticmethod
    def load(path: Path) -> "TokenisedReviews":
        with np.load(path) as arrays:
            return TokenisedReviews(**{name: arrays[name] for name in arrays.files})


def _flat(rows: list[list[int]]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    edges = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=edges[1:])
    return np.fromiter((t for row in rows for t in row), np.uint16, int(edges[-1])), edges


def tokenise(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> TokenisedReviews:
    """Every sentence of `texts` as token ids."""
    backend = tokenizer.backend_tokenizer
    heads: list[list[int]] = []
    tails: list[list[int]] = []
    reviews = [0]
    block: list[str] = []

    def flush() -> None:
        plain = backend.encode_batch(block, add_special_tokens=False)
        spaced = backend.encode_batch([" " + s for s in block], add_special_tokens=False)
        heads.extend(e.ids for e in plain)
        tails.extend(e.ids for e in spaced)
        block.clear()

    for text in texts:
        found = sentences(text)
        block.extend(found)
        reviews.append(reviews[-1] + len(found))
        if len(block) >= 20_000:
            flush()
    flush()
    head, head_edges = _flat(heads)
    tail, tail_edges = _flat(tails)
    return TokenisedReviews(head, head_edges, tail, tail_edges, np.array(reviews, dtype=np.int64))


def segment(
    data: TokenisedReviews, rng: np.random.Generator, openings: int = 1
) -> list[NDArray[np.uint16]]:
    """One epoch of segments: the whole review cut greedily, and its opening `openings` more times.

    The first cut of a review is drawn at random among its first sentences, so that another epoch
    cuts elsewhere. Sentences longer than a segment are cut off.
    """
    out: list[NDArray[np.uint16]] = []
    bos = np.array([BOS_ID], dtype=np.uint16)
    head_edges, tail_edges = data.head_edges.tolist(), data.tail_edges.tolist()
    reviews = data.reviews.tolist()

    def one(first: int, last: int) -> int:
        """Appends the segment that starts at sentence `first`; returns the next sentence."""
        parts = [bos, data.heads[head_edges[first] : head_edges[first + 1]]]
        room = SEGMENT - 1 - parts[1].size
        at = first + 1
        while at < last and tail_edges[at + 1] - tail_edges[at] <= room:
            parts.append(data.tails[tail_edges[at] : tail_edges[at + 1]])
            room -= parts[-1].size
            at += 1
        if at == last and room > 0:
            parts.append(bos)
        out.append(np.concatenate(parts)[:SEGMENT])
        return at

    for first, last in pairwise(reviews):
        if first == last:
            continue
        for _ in range(openings):
            one(first, last)
        at = min(first + int(rng.integers(0, 4)), last - 1)
        while at < last:
            at = one(at, last)
    return out


def batches(
    segments: list[NDArray[np.uint16]], tokens: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Inputs and labels [rows, length] of like-long segments, about `tokens` tokens each."""
    order = rng.permutation(len(segments))
    lengths = np.array([s.size for s in segments])
    pool = _POOL_BATCHES * tokens // max(1, int(lengths.mean()))
    for start in range(0, len(order), pool):
        chosen = order[start : start + pool]
        chosen = chosen[np.argsort(lengths[chosen], kind="stable")]
        groups: list[list[int]] = [[]]
        for index in chosen.tolist():
            # Ascending order: the newest segment is the longest of its group.
            if (len(groups[-1]) + 1) * int(lengths[index]) > tokens and groups[-1]:
                groups.append([])
            groups[-1].append(index)
        for g in rng.permutation(len(groups)).tolist():
            yield padded([segments[i] for i in groups[g]])


def padded(rows: list[NDArray[np.uint16]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Right-padded inputs and next-token labels; padding is ignored by the loss."""
    width = max(row.size for row in rows) - 1
    inputs = np.full((len(rows), width), PAD_ID, dtype=np.int64)
    labels = np.full((len(rows), width), IGNORED, dtype=np.int64)
    for i, row in enumerate(rows):
        inputs[i, : row.size - 1] = row[:-1]
        labels[i, : row.size - 1] = row[1:]
    return inputs, labels
