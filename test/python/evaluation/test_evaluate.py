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
from averse_worker.training.ema import WeightAverage
from tiny_models import WORDS, LetterReward, make_policy, no_report


@pytest.fixture(scope="module")
def policy(language_model: Path) -> Policy:
    return make_policy(language_model)


def judge(
    policy: Policy,
    rows: list[int],
    samples: int = 0,
    minibatch: int = 0,
    reward: RewardModel | None = None,
    second: RewardModel | None = None,
) -> Evaluation:
    tokens = [[0, 60 + i] + [40] * (i % 3) for i in range(9)]
    texts = read_tokens(policy.tokenizer, policy.end_tokens, tokens)
    prompts = Prompts(np.arange(100, 109, dtype=np.uint32), tokens, texts)
    scores = np.array([5, 3, 8, 1, 7, 2, 9, 4, 6], dtype=np.float32)
    return evaluate(
        policy,
        prompts,
        scores,
        np.array(rows, dtype=np.intp),
        11,
        Sampler(7, minibatch=minibatch),
        Scorer(reward or LetterReward(), 0),
        None if second is None else Scorer(second, 0),
        samples,
        no_report,
    )


def test_completions_do_not_depend_on_the_other_prompts(policy: Policy) -> None:
    all_of_them = judge(policy, list(range(9)))
    some = judge(policy, [7, 2, 5], minibatch=2)
    np.testing.assert_array_equal(some.reward.values, all_of_them.reward.values[[7, 2, 5]])
    np.testing.assert_array_equal(some.lengths, all_of_them.lengths[[7, 2, 5]])


def test_samples_are_spread_over_the_prompts_scores(policy: Policy) -> None:
    found = judge(policy, list(range(9)), samples=3)
    assert [sample.prompt for sample in found.samples] == [103, 100, 106]
    for sample in found.samples:
        whole = LetterReward().score([sample.text + sample.completion])[0]
        assert sample.reward == pytest.approx(float(whole))
        assert sample.reward is not None
    assert len(judge(policy, [1, 2], samples=5).samples) == 2
    assert judge(policy, [1, 2]).samples == []


def test_a_reward_or_judgement_that_fails_is_its_own_loss_alone(policy: Policy) -> None:
    class Broken(LetterReward):
        def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
            if any(text.startswith(bad) for text in texts):
                raise IndexError("no such piece")
            return super().score(texts)

    plain = judge(policy, [0, 1, 2], samples=3)
    bad = plain.samples[-1].text
    found = judge(policy, [0, 1, 2], samples=3, reward=Broken(), second=LetterReward())
    assert found.judge is not None
    assert not found.judge.failures
    (episode,) = found.reward.failures
    assert np.isnan(found.reward.values[episode])
    assert np.isfinite(np.delete(found.reward.values, episode)).all()
    assert [sample.reward is None for sample in found.samples] == [False, False, True]
    other = judge(policy, [0, 1, 2], reward=LetterReward(), second=Broken())
    assert other.judge is not None
    assert list(other.judge.failures) == [episode]
    np.testing.assert_array_equal(other.reward.values, plain.reward.values)


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
    average = WeightAverage(policy, 0.75)
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
