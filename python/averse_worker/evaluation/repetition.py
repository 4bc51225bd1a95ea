"""Repetition rate: how many completions end in a loop."""

from collections.abc import Sequence
from typing import Final

SHORTEST_PHRASE: Final = 2
"""tokens"""
TIMES: Final = 3


def repetition_rate(completions: Sequence[Sequence[int]]) -> float:
    """Fraction of completions that end in a phrase said three times or more.

    Holtzman et al. 2020 (The Curious Case of Neural Text Degeneration, figure 9): a phrase of at
    least two tokens that comes at least three times in a row at the end of the generation. Theirs
    have 200 tokens; shorter ones have less room to loop, so compare equal lengths. 0 without
    completions.
    """
    loops = sum(map(ends_in_a_loop, completions))
    return loops / len(completions) if completions else 0.0


def ends_in_a_loop(tokens: Sequence[int]) -> bool:
    """Whether they end in the same phrase of two tokens or more, three times in a row."""
    for length in range(SHORTEST_PHRASE, len(tokens) // TIMES + 1):
        ending = tokens[len(tokens) - TIMES * length :]
        if all(ending[i] == ending[i % length] for i in range(length, len(ending))):
            return True
    return False
