"""Dist-n, how varied texts are: one for every engine."""

from collections.abc import Sequence


def distinct(completions: Sequence[Sequence[int]], order: int) -> float:
    """Dist-n (Li et al. 2016): distinct n-grams over all n-grams, of all completions together.

    n-grams are of generated tokens, not words, and do not span completions; the value falls as
    completions are added, so compare equal numbers of them. 0 where there are no n-grams.
    """
    seen: set[tuple[int, ...]] = set()
    total = 0
    for tokens in completions:
        grams = list(zip(*(tokens[start:] for start in range(order)), strict=False))
        seen.update(grams)
        total += len(grams)
    return len(seen) / total if total else 0.0
