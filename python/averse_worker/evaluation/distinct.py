"""Dist-n, how varied texts are, in both of its usual forms: one for every engine."""

from collections.abc import Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def distinct(completions: Sequence[Sequence[int]], order: int) -> float:
    """Dist-n (Li et al. 2016): distinct n-grams over all n-grams, of all completions together.

    n-grams are of generated tokens, not words, and do not span completions; the value falls as
    completions are added, so compare equal numbers of them. 0 where there are no n-grams.
    """
    seen: set[tuple[int, ...]] = set()
    total = 0
    for tokens in completions:
        grams = ngrams(tokens, order)
        seen.update(grams)
        total += len(grams)
    return len(seen) / total if total else 0.0


def distinct_of_prompt(completions: Sequence[str], order: int) -> float | None:
    """Dist-n of one prompt's completions: distinct n-grams of words over the number of **words**.

    As the literature on RealToxicityPrompts has it (Liu et al. 2021, DExperts; Lu et al. 2022,
    Quark): words are what whitespace separates, and the denominator is the words also where
    n > 1, so that values end below 1. The mean over prompts is the figure; it depends on the number
    of completions per prompt. None where there are no words.
    """
    words = [text.split() for text in completions]
    total = sum(map(len, words))
    seen = {gram for own in words for gram in ngrams(own, order)}
    return len(seen) / total if total else None


def ngrams(items: Sequence[Item], order: int) -> list[tuple[Item, ...]]:
    """All runs of `order` items, in their order."""
    return list(zip(*(items[start:] for start in range(order)), strict=False))
