"""Words that reviews use: a small model also spells words that nobody does."""

import re
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"[a-z']+")
_LEAST_REVIEWS = 3


def familiar_words(reviews: Iterable[str]) -> frozenset[str]:
    """Lower-case words that at least three reviews use."""
    counts: Counter[str] = Counter()
    for text in reviews:
        counts.update(set(_WORD.findall(text.lower())))
    return frozenset(word for word, count in counts.items() if count >= _LEAST_REVIEWS)


def is_familiar(text: str, words: frozenset[str]) -> bool:
    """Whether all words of `text` are familiar ones."""
    return all(word in words for word in _WORD.findall(text.lower()))
