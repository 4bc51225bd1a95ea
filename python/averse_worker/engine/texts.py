"""Prompts and completions for people to read: cut to a length, and fit to be sent.

Nothing is computed from them. Escape sequences that the model wrote stay in: the controller makes
texts safe before it shows them.
"""

import re
from collections.abc import Callable
from typing import Final

from averse_worker.engine.contract import Report
from averse_worker.wire.limits import read_episodes
from averse_worker.wire.messages.training import EpisodeText, TextsPayload, TextsResult

LONGEST: Final = 4000
"""Characters of a prompt, and of a completion; longer ones are cut."""

MARK: Final = "…[cut]"
"""The end of a text that was cut."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def texts_of(
    payload: TextsPayload, count: int, text_of: Callable[[int], tuple[str, str]], report: Report
) -> TextsResult:
    """The requested texts of a rollout of `count` episodes.

    Args:
        text_of: prompt and completion of an episode, as they are.

    Raises:
        InputError: the rollout has no such episode.
    """
    episodes = read_episodes(payload.episodes, count)
    report("texts", 0, len(episodes), "texts")
    found = []
    for episode in episodes:
        prompt, completion = text_of(episode)
        found.append(
            EpisodeText(episode=episode, prompt=bounded(prompt), completion=bounded(completion))
        )
    report("texts", len(episodes), len(episodes), "texts")
    return TextsResult(texts=found)


def bounded(text: str) -> str:
    """At most `LONGEST` characters, mark included; halves of surrogate pairs, which UTF-8 cannot
    carry, become U+FFFD."""
    cut = text if len(text) <= LONGEST else text[: LONGEST - len(MARK)] + MARK
    return _SURROGATE.sub("\ufffd", cut)
