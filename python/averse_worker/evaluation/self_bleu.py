"""Self-BLEU: how alike the completions are to each other."""

import bisect
import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from averse_worker.evaluation.distinct import ngrams

_Gram = tuple[str, ...]

ORDER: Final = 4
"""longest n-grams"""
LARGEST: Final = 500
"""completions at most, as in Texygen: the value rises with their number"""
_NOTHING_COMMON: Final = 0.1
"""stands for no common n-gram: "method 1" of Chen & Cherry 2014"""


def self_bleu(completions: Sequence[str]) -> float | None:
    """Mean BLEU-4 of each completion with all others as its references; 1: they are all alike.

    Texygen (Zhu et al. 2018): sentence BLEU with equal weights, clipped counts, the brevity penalty
    of the closest reference length and smoothing "method 1". Words are what whitespace separates.
    Of more than 500 completions, 500 spread evenly over them are taken. None with fewer than two
    completions.
    """
    chosen = _spread(completions, LARGEST)
    if len(chosen) < 2:
        return None
    texts = [text.split() for text in chosen]
    counts = [[Counter(ngrams(words, order)) for words in texts] for order in range(1, ORDER + 1)]
    most = [_two_largest(own) for own in counts]
    lengths = sorted(map(len, texts))
    scores = []
    for place, words in enumerate(texts):
        matches = [_clipped(own[place], two, place) for own, two in zip(counts, most, strict=True)]
        scores.append(_bleu(len(words), matches, _closest(lengths, len(words))))
    return math.fsum(scores) / len(scores)


def _bleu(length: int, matches: Sequence[int], reference: int) -> float:
    """Of one completion of `length` words.

    Args:
        matches: clipped matches of n-grams, n = 1, 2, …
        reference: words of the reference of the closest length.
    """
    if matches[0] == 0:
        return 0.0
    logs = [
        math.log((found or _NOTHING_COMMON) / max(length - place, 1))
        for place, found in enumerate(matches)
    ]
    brevity = min(0.0, 1 - reference / length)
    return math.exp(brevity + math.fsum(logs) / len(logs))


def _two_largest(counts: Sequence[Counter[_Gram]]) -> dict[_Gram, tuple[int, int, int]]:
    """n-gram → its largest count in a text, that text, and its largest count in another one.

    So each text's references need not be gone through again: their largest count is the first, or
    for the text that has it the second.
    """
    found: dict[_Gram, tuple[int, int, int]] = {}
    for place, own in enumerate(counts):
        for gram, count in own.items():
            largest, where, second = found.get(gram, (0, -1, 0))
            if count > largest:
                found[gram] = (count, place, largest)
            elif count > second:
                found[gram] = (largest, where, count)
    return found


def _clipped(own: Counter[_Gram], largest: dict[_Gram, tuple[int, int, int]], place: int) -> int:
    total = 0
    for gram, count in own.items():
        most, where, second = largest[gram]
        total += min(count, second if where == place else most)
    return total


def _closest(lengths: Sequence[int], own: int) -> int:
    """The nearest of the other lengths, the shorter one of two; `lengths` ascend, with `own`."""
    place = bisect.bisect_left(lengths, own)
    others = [*lengths[max(place - 1, 0) : place], *lengths[place + 1 : place + 2]]
    return min(others, key=lambda length: (abs(length - own), length))


def _spread(completions: Sequence[str], wanted: int) -> Sequence[str]:
    """At most `wanted`, evenly from the first to the last."""
    count = len(completions)
    if count <= wanted:
        return completions
    return [completions[round(i * (count - 1) / (wanted - 1))] for i in range(wanted)]
