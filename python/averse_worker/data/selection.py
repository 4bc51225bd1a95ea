"""Which of the rows are used, once all are read; every random choice follows from a seed."""

import random
from collections.abc import Mapping, Sequence

from averse_worker.data.builtin import Split
from averse_worker.data.examples import Example
from averse_worker.data.rows import Row
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.data import DataSource


def without_duplicates(sets: Sequence[Sequence[Row]]) -> list[list[Row]]:
    """Of rows with the same prompt, in whichever set, the first."""
    seen: set[str] = set()

    def first(row: Row) -> bool:
        known = row.key in seen
        seen.add(row.key)
        return not known

    return [[row for row in rows if first(row)] for rows in sets]


def mixed(sets: Sequence[Sequence[Row]], source: DataSource, split: Split) -> list[Row]:
    """As many rows as the weights allow without taking one twice."""
    weights = [part.weight for part in source.parts]
    if len(sets) == 1 or None in weights:
        return [row for rows in sets for row in rows]
    known = [weight for weight in weights if weight is not None]
    most = min(len(rows) / weight for rows, weight in zip(sets, known, strict=True))
    return [
        row
        for place, (rows, weight) in enumerate(zip(sets, known, strict=True))
        for row in drawn(rows, round(weight * most), f"{source.seed}/mix/{split}/{place}")
    ]


def balanced(rows: Sequence[Row], fraction: float, seed: int, key: str) -> list[Row]:
    """All rows of the class that is short, and as many of the other."""
    good, bad = ([row for row in rows if row.good is kind] for kind in (True, False))
    if not good or not bad:
        raise InputError(
            f"{key}.balance is {fraction:g}, but of {len(rows)} training rows {len(good)} are of "
            f"the good class; name it in {key}.good, or leave balance out",
            key=f"{key}.balance",
        )
    if len(good) / len(rows) > fraction:
        good = drawn(good, max(1, round(len(bad) * fraction / (1 - fraction))), f"{seed}/balance")
    else:
        bad = drawn(bad, max(1, round(len(good) * (1 - fraction) / fraction)), f"{seed}/balance")
    chosen = {id(row) for row in (*good, *bad)}
    return [row for row in rows if id(row) in chosen]


def drawn(rows: Sequence[Row], count: int, seed: str) -> list[Row]:
    """`count` random rows, in their order; only `random()` is used, whose sequence Python keeps."""
    if count >= len(rows):
        return list(rows)
    draw = random.Random(seed).random
    order = sorted((draw(), place) for place in range(len(rows)))
    return [rows[place] for place in sorted(place for _, place in order[:count])]


def require_held_out(
    rows: Mapping[Split, Sequence[Row]], good: Sequence[Example], most: float, key: str
) -> int:
    """
    Raises:
        InputError: too many test prompts are training prompts.
    """
    trained: dict[str, str] = {row.key: row.place for row in rows["train"]}
    texts = {text: "" for text in good if isinstance(text, str)}
    both = [row for row in rows["test"] if row.key in trained or row.key in texts]
    if len(both) > most * len(rows["test"]):
        first = both[0]
        raise InputError(
            f"{len(both)} of {len(rows['test'])} test prompts are training prompts as well "
            f"({len(both) / len(rows['test']):.0%}; {key}.max_overlap is {most:.0%}), such as "
            f"{first.place} and {trained.get(first.key) or 'a text of the good class'}: figures on "
            f"them are not held out; take them out, or raise {key}.max_overlap",
            key=f"{key}.max_overlap",
        )
    return len(both)


def pairs_of_classes(rows: Sequence[Row], seed: str) -> list[Row]:
    """Preferences of texts of the good class over others, drawn at random; no text is in two.

    As many as the smaller class has rows; none where one of the classes is empty.
    """
    draw = random.Random(seed).random

    def shuffled(good: bool) -> list[Row]:
        own = [(draw(), place) for place, row in enumerate(rows) if row.good is good]
        return [rows[place] for _, place in sorted(own)]

    return [
        Row(
            id=better.id,
            text="",
            good=True,
            origin=better.origin,
            line=better.line,
            chosen=better.text,
            rejected=worse.text,
        )
        for better, worse in zip(shuffled(True), shuffled(False), strict=False)
    ]
