"""Openings of movie reviews, made from a grammar of our own: the built-in prompts.

No review text is in them. They are graded from glowing to furious, and furious ones are rare: a
policy that does well on average can still do badly on them.
"""

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from averse_worker.platform.files import ASSETS

Grade = Literal["glowing", "warm", "mixed", "cold", "furious"]
Split = Literal["train", "test"]

GRADES: tuple[Grade, ...] = ("glowing", "warm", "mixed", "cold", "furious")
TRAIN_PROMPTS = 4800
TEST_PROMPTS = 1200

GRAMMAR = ASSETS / "prompt-grammar.json"
"""The file that the prompts follow from, with the numbers above and this code."""

# Characters, not tokens: the grammar needs no tokenizer. This range is about 14 to 32 tokens.
_SHORTEST, _LONGEST = 58, 108
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])")
_SENTENCE = re.compile(r"(?:^|[.!?] )[a-z]")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One opening, which stops mid-flow; `id` is unique across both splits."""

    id: int
    text: str
    grade: Grade


def builtin_prompts(split: Split) -> list[Prompt]:
    """4,800 train or 1,200 test openings, always the same and in the same order.

    The splits share no text and no film title. Train ids are 0 to 4,799, test ids 4,800 to 5,999.
    """
    both = _prompts()
    return list(both[:TRAIN_PROMPTS] if split == "train" else both[TRAIN_PROMPTS:])


@cache
def _prompts() -> tuple[Prompt, ...]:
    grammar = json.loads(GRAMMAR.read_text(encoding="utf-8"))
    titles = _titles(grammar)
    # Every fifth title is kept for the test prompts.
    train = _Opening(grammar, [title for i, title in enumerate(titles) if i % 5], seed=1)
    test = _Opening(grammar, titles[::5], seed=2)
    found: dict[str, Grade] = {}
    for opening, count in ((train, TRAIN_PROMPTS), (test, TRAIN_PROMPTS + TEST_PROMPTS)):
        while len(found) < count:
            # The grade is drawn once per prompt, so that lengths do not change their fractions.
            grade = opening.grade()
            text = opening.text(grade)
            while not _SHORTEST <= len(text) <= _LONGEST or text in found:
                text = opening.text(grade)
            found[text] = grade
    return tuple(Prompt(i, text, grade) for i, (text, grade) in enumerate(found.items()))


class _Opening:
    """Draws openings; only `random()` is used, whose sequence Python keeps across versions."""

    def __init__(self, grammar: dict[str, Any], films: Sequence[str], seed: int) -> None:
        self._draw: Callable[[], float] = random.Random(seed).random
        self._patterns: list[str] = grammar["patterns"]
        self._person: dict[str, list[str]] = grammar["person"]
        self._films = films
        shared: dict[str, list[str]] = grammar["words"]
        self._shares: list[float] = [grammar["grades"][grade]["share"] for grade in GRADES]
        self._words: dict[Grade, dict[str, list[str]]] = {
            grade: shared | {k: v for k, v in grammar["grades"][grade].items() if k != "share"}
            for grade in GRADES
        }

    def grade(self) -> Grade:
        at = self._draw()
        for grade, share in zip(GRADES, self._shares, strict=True):
            at -= share
            if at < 0:
                return grade
        return GRADES[0]

    def text(self, grade: Grade) -> str:
        # One film and one genre per text, and hardly a word twice: repeats are drawn again.
        fixed = {"title": self._pick(self._films), "genre": self._pick(self._words[grade]["genre"])}
        used: set[str] = set()

        def fill(slot: re.Match[str]) -> str:
            name = slot.group(1)
            if name in fixed:
                return fixed[name]
            if name == "person":
                return f"{self._pick(self._person['first'])} {self._pick(self._person['last'])}"
            choice = ""
            for _ in range(8):
                choice = self._pick(self._words[grade][name])
                if choice not in used:
                    break
            used.add(choice)
            return _SLOT.sub(fill, choice)

        text = _SLOT.sub(fill, self._pick(self._patterns))
        text = _ARTICLE.sub(r"\1n ", text)
        return _SENTENCE.sub(lambda match: match.group(0).upper(), text)

    def _pick(self, choices: Sequence[str]) -> str:
        return choices[int(self._draw() * len(choices))]


def _titles(grammar: dict[str, Any]) -> list[str]:
    """1,000 distinct invented film titles in a fixed, mixed order."""
    words: dict[str, list[str]] = grammar["title"]
    draw = random.Random(0).random

    def pick(name: str) -> str:
        return words[name][int(draw() * len(words[name]))]

    titles: dict[str, None] = {}
    while len(titles) < 1000:
        parts = _SLOT.sub(lambda slot: pick(slot.group(1)), pick("forms")).split(" ")
        nouns = [part for part in parts if part in words["noun"]]
        if len(set(nouns)) == len(nouns):
            titles[" ".join(parts)] = None
    return list(titles)
