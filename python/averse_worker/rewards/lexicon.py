"""How many words of a list a text has."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.wire.errors import InputError


class LexiconReward:
    """Sign × the number of places in a text at which a word of the list stands.

    Upper and lower case are alike. A word is whole: what stands before and after it is no letter,
    digit or underscore. Where several words of the list begin, the longest counts, once.
    """

    batch: Final = None

    def __init__(self, words: Sequence[str], sign: int) -> None:
        longest_first = sorted({word.casefold() for word in words}, key=len, reverse=True)
        found = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in longest_first)
        self._words = re.compile(rf"(?<!\w)(?:{found})(?!\w)")
        self._sign = sign

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[len(texts)]"""
        counts = [len(self._words.findall(str(text).casefold())) for text in texts]
        return np.float32(self._sign) * np.array(counts, dtype=np.float32)


def read_words(path: str, key: str) -> list[str]:
    """The words of a file, one per line; lines that are empty or begin with # are left out.

    Raises:
        InputError: it cannot be read, or has no word.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{key} is '{path}', which cannot be read as text ({error}); expected one word per "
            "line",
            key=key,
        ) from error
    words = [line.strip() for line in lines]
    found = [word for word in words if word and not word.startswith("#")]
    if not found:
        raise InputError(f"{key} is '{path}', which has no words; expected one per line", key=key)
    return found
