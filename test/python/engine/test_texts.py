"""Texts for people to read: never too long, and always fit to be sent."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.engine.texts import LONGEST, MARK, bounded, texts_of
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.envelope import Reply, encode
from averse_worker.wire.messages.training import TextsResult
from payloads import texts_payload


def quiet(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Halves of surrogate pairs, controls and unassigned characters among them."""


def sent(text: str) -> str:
    """What arrives of a completion."""
    result = texts_of(texts_payload(1, [0]), 1, lambda _: ("", text), quiet)
    data = encode(Reply(session="s", id=1, result=result))
    reply = msgspec.msgpack.decode(data)
    arrived = msgspec.convert(reply["result"], TextsResult).texts[0].completion
    assert isinstance(arrived, str)
    return arrived


@given(ANY_TEXT)
def test_whatever_a_model_wrote_can_be_sent(text: str) -> None:
    arrived = sent(text)
    assert len(arrived) == len(text)
    for was, now in zip(text, arrived, strict=True):
        assert now == ("\ufffd" if "\ud800" <= was <= "\udfff" else was)


def test_half_a_surrogate_pair_alone_could_not_be_sent() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode(Reply(session="s", id=1, result="\udcff"))
    assert sent("a\udcffb") == "a\ufffdb"


def test_escape_sequences_pass_for_whoever_shows_them_makes_them_safe() -> None:
    assert sent("\x1b]0;title\x07\u202e") == "\x1b]0;title\x07\u202e"


@pytest.mark.parametrize("character", ["x", "😀", "\ud800"])
def test_long_texts_are_cut_with_a_mark(character: str) -> None:
    whole = "\ufffd" if character == "\ud800" else character
    assert sent(character * LONGEST) == whole * LONGEST
    cut = sent(character * (LONGEST + 1))
    assert len(cut) == LONGEST
    assert cut == whole * (LONGEST - len(MARK)) + MARK
    assert len(bounded(character * 10**6)) == LONGEST


def test_episodes_that_there_are_not_are_refused_before_any_is_read() -> None:
    def never(episode: int) -> tuple[str, str]:
        raise AssertionError(episode)

    with pytest.raises(
        InputError, match="episode 3 was requested; the rollout has episodes 0 to 2"
    ):
        texts_of(texts_payload(1, [0, 3]), 3, never, quiet)
