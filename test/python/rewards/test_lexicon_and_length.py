"""Rewards without a model: words of a list, and length."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.rewards.length import LengthReward
from averse_worker.rewards.lexicon import LexiconReward, read_words
from averse_worker.wire.errors import InputError
from tiny_models import write_tokenizer


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("bad", 1),
        ("Bad, BAD; bad.", 3),
        ("badly badge forbad bad_word", 0),
        ("not so  good, so good", 1),
        ("C++ and c++11", 1),
        ("größe GRÖSSE", 2),
        ("", 0),
    ],
)
def test_whole_words_whatever_their_case(text: str, count: int) -> None:
    words = ["bad", "not so good", "C++", "größe"]
    assert LexiconReward(words, 1).score([text]).tolist() == [count]
    assert LexiconReward(words, -1).score([text]).tolist() == [-count]


@given(st.lists(st.sampled_from(["ab", "cd", "abcd", "x"]), max_size=12))
def test_the_count_is_that_of_the_words_one_by_one(words: list[str]) -> None:
    found = LexiconReward(["ab", "ABCD"], 1).score([" ".join(words)])
    assert found.tolist() == [sum(word in ("ab", "abcd") for word in words)]


def test_words_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeff# bad ones\nbad\n\n  awful \n", encoding="utf-8")
    assert read_words(str(file), "reward.words") == ["bad", "awful"]
    file.write_text("# none\n", encoding="utf-8")
    with pytest.raises(InputError, match="has no words"):
        read_words(str(file), "reward.words")
    with pytest.raises(InputError, match="cannot be read") as error:
        read_words(str(tmp_path / "gone"), "reward.words")
    assert error.value.key == "reward.words"


def test_length_in_each_unit(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(tmp_path)
    texts = ["a good film", "", "  so   slow "]

    def of(unit: str, target: int | None = None, sign: int = 1) -> list[float]:
        found: list[float] = LengthReward(unit, target, sign, tokenizer).score(texts).tolist()  # type: ignore[arg-type]
        return found

    assert of("characters") == [11, 0, 12]
    assert of("words") == [3, 0, 2]
    inner = [len(tokenizer(text, add_special_tokens=False).input_ids) for text in texts]
    assert of("tokens") == inner
    assert of("words", 2) == [-1, -2, 0]
    assert of("words", sign=-1) == [-3, 0, -2]
