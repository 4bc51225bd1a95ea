"""Evaluation: shared luck, diversity, perplexity, and an average that swaps in and out."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

from averse_worker.data.text import read_tokens
from averse_worker.data.tokenise import Prompts
from averse_worker.evaluation.evaluate import Evaluation, evaluate
from averse_worker.evaluation.perplexity import perplexity
from averse_worker.models.policy import Policy
from averse_worker.rewards.contract import RewardModel
from averse_worker.rewards.scoring import Scorer
from averse_worker.rollout.generate import Sampler
from averse_worker.training.ema import EmaWeights
from tiny_models import WORDS, LetterReward, make_policy, no_report, rewards_of


@pytest.fixture(scope="module")
def policy(language_model: Path) -> Policy:
    return make_policy(language_model)


def judge(
    policy: Policy,
    rows: list[int],
    minibatch: int = 0,
    reward: RewardModel | None = None,
    second: RewardModel | None = None,
) -> Evaluation:
    tokens = [[0, 60 + i] + [40] * (i % 3) for i in range(9)]
    texts = read_tokens(policy.tokenizer, policy.end_tokens, tokens)
    prompts = Prompts(np.arange(100, 109, dtype=np.uint32), tokens, texts)
    return evaluate(
        policy,
        prompts,
        np.array(rows, dtype=np.intp),
        11,
        Sampler(7, minibatch=minibatch),
        rewards_of(reward or LetterReward()),
        {} if second is None else {"judge": Scorer(second, 0)},
        no_report,
    )


def test_completions_do_not_depend_on_the_other_prompts(policy: Policy) -> None:
    all_of_them = judge(policy, list(range(9)))
    some = judge(policy, [7, 2, 5], minibatch=2)
    np.testing.assert_array_equal(some.reward, all_of_them.reward[[7, 2, 5]])
    np.testing.assert_array_equal(some.lengths, all_of_them.lengths[[7, 2, 5]])


def test_a_reward_or_judge_that_fails_loses_only_its_own_score(policy: Policy) -> None:
    class Broken(LetterReward):
        def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
            if any(text == bad for text in texts):
                raise IndexError("no such piece")
            return super().score(texts)

    plain = judge(policy, [0, 1, 2])
    bad = plain.texts[1]
    found = judge(policy, [0, 1, 2], reward=Broken(), second=LetterReward())
    assert not found.judges["judge"].failures
    assert list(found.components[0].failures) == [1]
    assert found.failed.tolist() == [False, True, False]
    np.testing.assert_array_equal(found.reward[[0, 2]], plain.reward[[0, 2]])
    other = judge(policy, [0, 1, 2], second=Broken())
    assert list(other.judges["judge"].failures) == [1]
    np.testing.assert_array_equal(other.reward, plain.reward)


def test_a_prompt_that_comes_again_has_other_luck(policy: Policy) -> None:
    twice = judge(policy, [3, 3, 5])
    assert twice.texts[0] != twice.texts[1]
    assert judge(policy, [3]).texts == twice.texts[:1]


def test_perplexity_is_that_of_transformers(policy: Policy, language_model: Path) -> None:
    texts = [" ".join(WORDS[i : i + 2 + i % 5]) for i in range(30)] + ["very " * 100]
    model = AutoModelForCausalLM.from_pretrained(language_model)
    tokenizer = AutoTokenizer.from_pretrained(language_model)
    loss, count = 0.0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=64).input_ids
        with torch.no_grad():
            mean = model(ids, labels=ids).loss.item()
        loss, count = loss + mean * (ids.shape[1] - 1), count + ids.shape[1] - 1
    found = perplexity(policy, texts, 64, no_report)
    assert found == pytest.approx(math.exp(loss / count), rel=1e-4)


def test_the_average_swaps_in_and_out_bit_for_bit(language_model: Path) -> None:
    policy = make_policy(language_model)
    average = EmaWeights(policy, 0.75)
    names = list(average.weights)
    assert not any(name.startswith("value_head") for name in names)
    start = {n: policy.parameters[n].detach().clone() for n in names}
    with torch.no_grad():
        for name in names:
            policy.parameters[name].add_(1.0)
    now = {n: policy.parameters[n].detach().clone() for n in names}
    average.update()

    def fail_inside() -> None:
        with average.in_place_of_weights():
            for name in names:
                torch.testing.assert_close(policy.parameters[name].data, start[name] + 0.25)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_inside()
    for name in names:
        assert policy.parameters[name].equal(now[name])
    average.reset()
    assert average.weights[names[0]].equal(now[names[0]])


def test_texts_of_one_token_predict_nothing(policy: Policy) -> None:
    texts = ["very good", "", "the film was slow"]
    assert perplexity(policy, texts, 64, no_report) == perplexity(
        policy, [texts[0], texts[2]], 64, no_report
    )
    assert perplexity(policy, ["", ""], 64, no_report) is None
    assert perplexity(policy, [], 64, no_report) is None
