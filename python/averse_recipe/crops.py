"""Short pieces of reviews, so that a classifier also learns what short text looks like."""

import numpy as np

from averse_recipe.corpus import sentences


def crop(text: str, rng: np.random.Generator, shortest: int = 16, longest: int = 60) -> str:
    """A random piece of `shortest` to `longest` words; half of them begin at a sentence start."""
    length = int(rng.integers(shortest, longest + 1))
    if rng.random() < 0.5:
        parts = sentences(text)
        text = " ".join(parts[int(rng.integers(len(parts))) :])
        words = text.split(" ")
        return " ".join(words[:length])
    words = text.split(" ")
    first = int(rng.integers(max(1, len(words) - length + 1)))
    return " ".join(words[first : first + length])
