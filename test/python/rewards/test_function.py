"""A user's Python function as a reward."""

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from averse_worker.data.text import Text
from averse_worker.rewards.contract import Scores
from averse_worker.rewards.function import FunctionReward, load_function
from averse_worker.rewards.scored_text import ScoredText
from averse_worker.rewards.scoring import Scorer
from averse_worker.wire.errors import InputError, MissingEnvironment


def episode(prompt: str, completion: str, **columns: Any) -> ScoredText:
    return ScoredText(Text(prompt + completion, prompt=prompt), columns)


EPISODES = [episode("ab", "c"), episode("d", "efg"), episode("h", "")]


def score(source: str, tmp_path: Path, texts: Any = EPISODES, **settings: Any) -> Scores:
    file = tmp_path / "mine.py"
    file.write_text(source, encoding="utf-8")
    function, digests = load_function(f"{file}:score", "reward.function")
    assert digests == {"mine.py": hashlib.sha256(file.read_bytes()).hexdigest()}
    text = settings.pop("text", "whole")
    reward = FunctionReward(function, "score", text, settings.pop("sign", 1))
    return Scorer(reward, settings.pop("timeout", 0), key="reward").score(texts)


def test_it_gets_prompts_completions_and_the_columns(tmp_path: Path) -> None:
    source = """
def score(prompts, completions, level, **columns):
    assert columns == {"topic": ["x", "y"]}
    return [10 * l + len(p) + len(c) / 10 for p, c, l in zip(prompts, completions, level)]
"""
    texts = [episode("ab", "cde", level=1, topic="x"), episode("f", "", level=2, topic="y")]
    assert score(source, tmp_path, texts).values.tolist() == pytest.approx([12.3, 21.0])


def test_without_keyword_arguments_it_gets_the_columns_that_it_names(tmp_path: Path) -> None:
    source = "def score(prompts, completions, level=None): return level"
    texts = [episode("a", "b", level=4, topic="x")]
    assert score(source, tmp_path, texts, sign=-1).values.tolist() == [-4]
    missing = score("def score(completions, prompts, tone): return tone", tmp_path, texts)
    assert "needs the column 'tone'" in missing.failures[0].message
    assert "it has level, topic" in missing.failures[0].message


@pytest.mark.parametrize("text", ["whole", "completion"])
def test_a_prompt_alone_is_what_is_scored(tmp_path: Path, text: str) -> None:
    source = """
def score(prompts, completions):
    return [len(p) * 10 + len(c) for p, c in zip(prompts, completions)]
"""
    found = score(source, tmp_path, [ScoredText(Text("abc"), alone=True)], text=text)
    assert found.values.tolist() == [30 if text == "whole" else 3]


def test_it_may_be_asynchronous(tmp_path: Path) -> None:
    source = """
import asyncio
async def score(prompts, completions):
    await asyncio.sleep(0)
    return [float(len(c)) for c in completions]
"""
    assert score(source, tmp_path).values.tolist() == [1, 3, 0]


def test_none_and_nan_are_failures_of_their_texts_alone(tmp_path: Path) -> None:
    found = score("def score(prompts, completions): return [1, None, float('nan')]", tmp_path)
    assert found.values[0] == 1
    assert np.isnan(found.values[1:]).all()
    assert {i: one.kind for i, one in found.failures.items()} == dict.fromkeys((1, 2), "not-finite")
    assert found.failures[1].message == "score returned None"


def test_an_exception_loses_the_text_that_it_is_about(tmp_path: Path) -> None:
    source = "def score(prompts, completions): return [1 / len(c) for c in completions]"
    found = score(source, tmp_path)
    assert found.values[:2].tolist() == pytest.approx([1, 1 / 3])
    assert found.failures[2].message.startswith("ZeroDivisionError: ")
    assert "(mine.py:1)" in found.failures[2].message


def test_a_numpy_array_and_numpy_numbers_are_lists_and_numbers(tmp_path: Path) -> None:
    source = "import numpy as np\ndef score(prompts, completions): return np.arange(len(prompts))"
    assert score(source, tmp_path).values.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("[1.0]", "returned 1 scores for 3 completions; expected one for each"),
        ("1.0", "returned a value of type float; expected a list of 3 numbers"),
        ("None", "returned None; expected a list"),
        ("'abc'", "returned a value of type str; expected a list"),
        ("['a', 'b', 'c']", "returned a value of type str for a completion; expected a number"),
        ("[True, 1, 2]", "returned a value of type bool for a completion"),
        ("__import__('numpy').array([True] * 3)", "of type bool for a completion"),
        ("__import__('torch').tensor([True] * 3)", "of type Tensor for a completion"),
        ("{3.0, 1.0, 2.0}", "returned a value of type set; expected a list of 3 numbers"),
    ],
)
def test_what_is_no_list_of_numbers_is_told_and_never_scored(
    tmp_path: Path, returned: str, told: str
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f"def score(prompts, completions): return {returned}", encoding="utf-8")
    function, _ = load_function(f"{file}:score", "reward.function")
    with pytest.raises((TypeError, ValueError)) as error:
        FunctionReward(function, "score", "whole", 1).score_pairs(EPISODES)
    assert told in str(error.value)


def test_it_may_import_its_neighbours_and_be_a_modules(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("LEVEL = 7", encoding="utf-8")
    source = """
def score(prompts, completions):
    from neighbour_of_mine import LEVEL
    return [LEVEL] * 3
"""
    assert score(source, tmp_path).values.tolist() == [7, 7, 7]
    assert load_function("math:fsum", "reward.function")[0] is math.fsum


@pytest.mark.parametrize(
    ("named", "source", "error", "told"),
    [
        ("gone.py:score", None, InputError, "there is no file"),
        ("mine.py:scores", "def score(): pass", InputError, "scores is not in it; it has score"),
        ("mine.py:LEVEL", "LEVEL = 1", InputError, "LEVEL is no callable"),
        ("mine.py:score", "def score(:", InputError, "importing it fails: SyntaxError"),
        ("mine.py:score", "import no_such_one", MissingEnvironment, "module no_such_one cannot"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_its_key(
    tmp_path: Path, named: str, source: str | None, error: type[Exception], told: str
) -> None:
    if source is not None:
        (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    with pytest.raises(error, match=told) as caught:
        load_function(f"{tmp_path}/{named}", "evaluation.judges.0.function")
    assert getattr(caught.value, "key", None) == "evaluation.judges.0.function"


def test_of_a_conversation_it_gets_messages_as_trl_gives_them(tmp_path: Path) -> None:
    source = """
def score(prompts, completions, **columns):
    assert [m["role"] for m in prompts[0]] == ["system", "user"]
    assert completions[0] == [{"role": "assistant", "content": "fine"}]
    return [len(prompts[0][-1]["content"]) + len(completions[0][0]["content"])]
"""
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "how?"}]
    text = Text.conversation("be kind\n\nhow?", "fine")
    assert score(source, tmp_path, [ScoredText(text, {}, messages)]).values.tolist() == [8]
