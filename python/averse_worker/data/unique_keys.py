"""JSON of which every object has each key once.

Python's json keeps the last of equal keys and says nothing: a row with two labels would have one of
them. pyarrow, and so `datasets`, refuses such rows as well.
"""

import json
from collections.abc import Sequence
from typing import Any, Final


class RepeatedKeyError(ValueError):
    """An object has a key twice."""

    def __init__(self, name: str) -> None:
        super().__init__(f"has the key {name!a} twice in one object; expected each key once")


def repeated(names: Sequence[str]) -> str | None:
    """The first name that was there before; None: each is there once."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    # Looked for only where there is one: this runs for every object.
    if len(found) < len(pairs) and (again := repeated([name for name, _ in pairs])) is not None:
        raise RepeatedKeyError(again)
    return found


UNIQUE_KEYS: Final = json.JSONDecoder(object_pairs_hook=_once)
"""decodes as `json.loads` does, and raises `RepeatedKeyError`"""
