"""Words that reviews use as plain words: neither misspelt by a small model, nor names, nor coarse.

Sampled texts that are kept as examples should not put invented claims next to real people's names.
"""

import re
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"[A-Za-z']+")
_LEAST_REVIEWS = 3
# A name is hardly ever written in lower case; a word is, except where a sentence starts.
_LEAST_LOWER = 0.25
_COARSE = re.compile(
    r"(?:sex|nud|naked|porn|rap(?:e|ed|es|ing|ist|ists)$|incest|fuck|shit|bitch|whore|slut|dick|cock"
    r"|puss|tit(?:s|ties)$|boob|breast|fag|gay|lesbian|homo|nigg|negro|retard|ass(?:es)?$|asshole"
    r"|bastard|damn|cunt|bang|jew|nazi|muslim|islam)"
)
_INNOCENT = frozenset({"jewel", "jewels", "jewelry", "nudge", "cocktail"})


def familiar_words(reviews: Iterable[str]) -> frozenset[str]:
    """Lower-case words that at least three reviews use, without names and coarse words."""
    reviews_with: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    for text in reviews:
        found = set(_WORD.findall(text))
        lower.update(word for word in found if word == word.lower())
        reviews_with.update({word.lower() for word in found})
    return frozenset(
        word
        for word, count in lower.items()
        if count >= _LEAST_REVIEWS
        and count >= _LEAST_LOWER * reviews_with[word]
        and (word in _INNOCENT or not _COARSE.match(word))
    )


def is_familiar(text: str, words: frozenset[str]) -> bool:
    """Whether all words of `text` are familiar ones; "I" and what it begins always are."""
    return all(word.lower() in words for word in _WORD.findall(text) if word.split("'")[0] != "I")
