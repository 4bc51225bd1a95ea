"""A text convolution (Kim 2014) over hashed words: the judge, unlike the reward in every part.

Words come from a hash, so that a folder needs no vocabulary. Texts are read up to `LONGEST` words.
"""

import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from averse_worker.rewards.builtin.folder import (
    read_config,
    read_number,
    read_positive,
    read_weights,
)

ARCHITECTURE = "averse-convolution"
LONGEST = 512
WIDTHS = (2, 3, 4)

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[.,!?;:\"()]")
_BATCH = 64


def word_ids(text: str, buckets: int) -> list[int]:
    """Ids 1 to `buckets` − 1 of the words and marks of `text`; 0 is kept for padding."""
    words = _WORD.findall(text.lower())[:LONGEST]
    # Adler and CRC differ: the judge must not share its collisions with the reward.
    return [1 + zlib.crc32(word.encode(), 0x5EED) % (buckets - 1) for word in words]


def pad(rows: Sequence[Sequence[int]]) -> Tensor:
    """Right-padded ids [rows, longest], at least as wide as the widest convolution."""
    width = max(max(WIDTHS), max(len(row) for row in rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.as_tensor(row, dtype=torch.long)
    return ids


class TextConvolution(nn.Module):
    """Embedding, convolutions of 2, 3 and 4 words, maximum over places, linear."""

    def __init__(self, buckets: int, embedding: int, channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(buckets, embedding, padding_idx=0)
        self.convolutions = nn.ModuleList(
            nn.Linear(width * embedding, channels) for width in WIDTHS
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(len(WIDTHS) * channels, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits [rows] of padded ids [rows, words]."""
        # A margin of padding on the left lets every width see the first words of short texts.
        ids = F.pad(ids, (max(WIDTHS) - 1, 0))
        words = self.dropout(self.embedding(ids))
        # Windows that end in padding are not looked at: the score must not depend on the batch.
        ends = ids != 0
        ends[:, max(WIDTHS) - 1] = True
        pooled = []
        for width, convolution in zip(WIDTHS, self.convolutions, strict=True):
            first = max(WIDTHS) - width
            windows = words[:, first:].unfold(1, width, 1).transpose(2, 3).flatten(2)
            found = F.relu(convolution(windows))
            found = found.masked_fill(~ends[:, max(WIDTHS) - 1 :, None], 0.0)
            pooled.append(found.amax(dim=1))
        logits: Tensor = self.head(self.dropout(torch.cat(pooled, dim=1))).squeeze(1)
        return logits


class ConvolutionClassifier:
    """Scores texts with a trained text convolution."""

    def __init__(self, network: TextConvolution, scale: float = 1.0) -> None:
        self._network = network.eval()
        self._scale = scale

    @staticmethod
    def from_folder(path: Path) -> "ConvolutionClassifier":
        """Reads a classifier; ValueError naming folder and file where it is not as expected."""
        config = read_config(path, ARCHITECTURE)
        network = TextConvolution(
            read_positive(path, config, "buckets"),
            read_positive(path, config, "embedding"),
            read_positive(path, config, "channels"),
        )
        shapes = {name: tuple(t.shape) for name, t in network.state_dict().items()}
        weights = read_weights(path, shapes)
        network.load_state_dict({name: torch.from_numpy(a) for name, a in weights.items()})
        return ConvolutionClassifier(network, read_number(path, config, "scale"))

    @torch.inference_mode()
    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raw logits [len(texts)], high = positive; about 0.25 s per 1,600 texts of 50 words."""
        scores = np.empty(len(texts), dtype=np.float32)
        rows = [word_ids(text, self._network.embedding.num_embeddings) for text in texts]
        # Like lengths together: little padding.
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            logits = self._network(pad([rows[i] for i in chosen]))
            scores[chosen] = (self._scale * logits).numpy()
        return scores
