"""The built-in prompts: how many, how graded, always the same."""

import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest

from averse_worker.data.builtin import GRADES, Prompt, Split, builtin_prompts

SPLITS: tuple[Split, ...] = ("train", "test")


def test_counts_and_ids() -> None:
    train, test = builtin_prompts("train"), builtin_prompts("test")
    assert [prompt.id for prompt in train] == list(range(4800))
    assert [prompt.id for prompt in test] == list(range(4800, 6000))


def test_no_text_is_in_both_splits_or_twice() -> None:
    texts = [prompt.text for split in SPLITS for prompt in builtin_prompts(split)]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("split", SPLITS)
def test_the_same_list_each_time_and_never_a_shared_one(split: Split) -> None:
    first = builtin_prompts(split)
    before = list(first)
    first.clear()
    assert builtin_prompts(split) == before


def test_another_process_makes_the_same_prompts_without_torch() -> None:
    code = (
        "import sys, zlib; from averse_worker.data.builtin import builtin_prompts as made;"
        "print(zlib.crc32(repr(made('train') + made('test')).encode()), 'torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    import zlib

    here = zlib.crc32(repr(builtin_prompts("train") + builtin_prompts("test")).encode())
    assert ran.stdout.split() == [str(here), "False"]


@pytest.mark.parametrize("split", SPLITS)
def test_furious_is_rare_and_the_other_grades_are_common(split: Split) -> None:
    prompts = builtin_prompts(split)
    shares = Counter(prompt.grade for prompt in prompts)
    assert set(shares) == set(GRADES)
    assert 0.05 <= shares["furious"] / len(prompts) <= 0.10
    assert all(shares[grade] / len(prompts) > 0.18 for grade in GRADES if grade != "furious")


@pytest.mark.parametrize("split", SPLITS)
def test_grades_are_mixed_along_the_list(split: Split) -> None:
    prompts = builtin_prompts(split)
    longest = run = 1
    for one, other in pairwise(prompts):
        run = run + 1 if one.grade == other.grade else 1
        longest = max(longest, run)
    assert longest < 15


def stops_mid_flow(prompt: Prompt) -> bool:
    return prompt.text[-1] not in ".!?,;: "


def test_texts_are_clean_openings_that_stop_mid_flow() -> None:
    for split in SPLITS:
        for prompt in builtin_prompts(split):
            assert stops_mid_flow(prompt), prompt
            assert prompt.text[0].isupper(), prompt
            assert not set("{}<>") & set(prompt.text), prompt
            assert "  " not in prompt.text, prompt
            assert prompt.text.isascii(), prompt


def test_no_opening_dominates() -> None:
    prompts = [prompt for split in SPLITS for prompt in builtin_prompts(split)]
    openings = Counter(" ".join(prompt.text.split()[:8]) for prompt in prompts)
    assert len(openings) > 0.8 * len(prompts)
    assert openings.most_common(1)[0][1] < 0.01 * len(prompts)
