"""Dist-n, repetition rate and self-BLEU against counts by hand and slow, literal versions."""

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.evaluation.distinct import distinct, distinct_of_prompt
from averse_worker.evaluation.repetition import ends_in_a_loop, repetition_rate
from averse_worker.evaluation.self_bleu import LARGEST, self_bleu

WORD = st.sampled_from(["a", "b", "c", "dd"])
TEXT = st.lists(WORD, max_size=9).map(" ".join)
TOKENS = st.lists(st.integers(0, 2), max_size=14)


def test_distinct_counts_by_hand() -> None:
    completions = [[1, 2, 1, 2], [1, 2], [3]]
    assert distinct(completions, 1) == pytest.approx(3 / 7)
    assert distinct(completions, 2) == pytest.approx(2 / 4)
    assert distinct(completions, 3) == pytest.approx(2 / 2)
    assert distinct([[1], []], 2) == 0
    assert distinct([], 1) == 0


def test_distinct_of_a_prompt_divides_by_its_words() -> None:
    completions = [" the  film\nwas good", "the film", ""]
    assert distinct_of_prompt(completions, 1) == pytest.approx(4 / 6)
    assert distinct_of_prompt(completions, 2) == pytest.approx(3 / 6)
    assert distinct_of_prompt(completions, 3) == pytest.approx(2 / 6)
    assert distinct_of_prompt(["", " \n"], 1) is None


def literal_loop(tokens: Sequence[int]) -> bool:
    """Some phrase of two tokens or more, three times: the tokens end with it."""
    spelled = list(tokens)
    phrases = (spelled[i:j] for i, j in itertools.combinations(range(len(spelled) + 1), 2))
    return any(
        len(phrase) >= 2 and spelled[len(spelled) - 3 * len(phrase) :] == phrase * 3
        for phrase in phrases
    )


@given(TOKENS)
def test_a_loop_is_a_phrase_three_times_at_the_end(tokens: list[int]) -> None:
    assert ends_in_a_loop(tokens) == literal_loop(tokens)


@given(TOKENS, st.lists(st.integers(0, 5), min_size=2, max_size=4))
def test_what_is_said_three_times_is_a_loop(start: list[int], phrase: list[int]) -> None:
    assert ends_in_a_loop([*start, *phrase * 3])
    assert not ends_in_a_loop([*start, *phrase * 3, 7])


def test_the_repetition_rate_is_a_fraction_of_the_completions() -> None:
    loop, none = [9, 1, 2, 1, 2, 1, 2], [1, 1, 1, 2, 2]
    assert repetition_rate([loop, none, none, []]) == 0.25
    # One token three times is no phrase; six times are three of two.
    assert not ends_in_a_loop([4, 4, 4])
    assert ends_in_a_loop([4] * 6)
    assert repetition_rate([]) == 0


def sentence_bleu(references: list[list[str]], words: list[str]) -> float:
    """As nltk's `sentence_bleu` with `SmoothingFunction().method1`, written from its definition."""
    precisions: list[float] = []
    for order in range(1, 5):
        own = Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))
        matched = 0
        for gram, count in own.items():
            best = max(
                sum(
                    tuple(reference[i : i + order]) == gram
                    for i in range(len(reference) - order + 1)
                )
                for reference in references
            )
            matched += min(count, best)
        if order == 1 and matched == 0:
            return 0.0
        total = max(1, sum(own.values()))
        precisions.append(float(Fraction(matched, total)) if matched else 0.1 / total)
    closest = min(
        (len(reference) for reference in references), key=lambda n: (abs(n - len(words)), n)
    )
    brevity = 1.0 if len(words) > closest else math.exp(1 - closest / len(words))
    return brevity * math.prod(precisions) ** 0.25


@given(st.lists(TEXT, min_size=2, max_size=6))
def test_self_bleu_is_the_mean_bleu_against_the_others(texts: list[str]) -> None:
    words = [text.split() for text in texts]
    expected = [sentence_bleu(words[:i] + words[i + 1 :], own) for i, own in enumerate(words)]
    assert self_bleu(texts) == pytest.approx(sum(expected) / len(expected), abs=1e-12)


def test_self_bleu_of_nltk() -> None:
    """Values of nltk 3.10.4: sentence_bleu(…, smoothing_function=SmoothingFunction().method1)."""
    texts = [
        "the film was good and the plot was fine",
        "the film was good but slow",
        "a dull scene",
        "the film was good and the actor was warm",
    ]
    assert self_bleu(texts) == pytest.approx(NLTK, abs=1e-9)


NLTK = 0.4322699788290459


def test_self_bleu_is_one_of_equal_texts_and_zero_of_strangers() -> None:
    assert self_bleu(["one two three four five"] * 3) == pytest.approx(1)
    assert self_bleu(["a b c d", "e f g h"]) == 0
    assert self_bleu(["alone"]) is None
    assert self_bleu([]) is None


def test_self_bleu_takes_an_even_part_of_many_texts() -> None:
    texts = [f"w{i} x{i % 7} y z" for i in range(2 * LARGEST - 1)]
    assert self_bleu(texts) == self_bleu(texts[::2])
