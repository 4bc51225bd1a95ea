"""The Large Movie Review Dataset (Maas et al. 2011), read and cleaned."""

import json
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

SplitName = Literal["train", "test", "unsup"]

_BREAK = re.compile(r"<\s*/?\s*(?:br|hr|p|i|b|em)\s*/?\s*>", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u00b4": "'",
        "`": "'",
        "\u0091": "'",
        "\u0092": "'",
        "\u0093": '"',
        "\u0094": '"',
        "\u0096": "-",
        "\u0097": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u0085": "...",
        "\u2026": "...",
        "\u00a0": " ",
    }
)
# A sentence ends at . ! or ? (with closing quotes or brackets) before a capital, digit or quote.
_SENTENCE_GAP = re.compile(r"(?<=[.!?])(?:(?<=[.!?])|[\"')\]]+)\s+(?=[\"'(\[]?[A-Z0-9])")


@dataclass(frozen=True, slots=True)
class Review:
    """One review; `positive` is None where the data set has no label."""

    id: str
    text: str
    positive: bool | None


def clean(text: str) -> str:
    """`text` without markup, with plain quotes and dashes and single spaces."""
    return _SPACE.sub(" ", _BREAK.sub(" ", text).translate(_PLAIN)).strip()


def sentences(text: str) -> list[str]:
    """The sentences of a cleaned text; joined by single spaces they give it back."""
    cuts = [match.end() for match in _SENTENCE_GAP.finditer(text)]
    edges = [0, *cuts, len(text)]
    return [text[a:b].strip() for a, b in pairwise(edges) if text[a:b].strip()]


def read_reviews(data: Path, split: SplitName) -> Iterator[Review]:
    """Cleaned reviews of one split in file order; FileNotFoundError where the file is missing."""
    with lzma.open(data / f"{split}.jsonl.xz", "rt", encoding="utf-8") as rows:
        for row in rows:
            fields = json.loads(row)
            label = fields.get("label")
            yield Review(fields["id"], clean(fields["text"]), None if label is None else label == 1)
