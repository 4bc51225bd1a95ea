"""A batch of episodes: its numbers add up, text by text and token by token."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from averse_worker.data.tokenise import Prompts
from averse_worker.models.policy import Policy
from averse_worker.rewards.contract import Failed
from averse_worker.rollout.collect import Collector, Episodes, RolloutSummary, full_texts
from averse_worker.rollout.generate import Sampler, uniforms
from averse_worker.wire.errors import Diverged
from payloads import load_payload
from tiny_models import LetterReward, make_policy, no_report, rewards_of

TOKENS = [[0, 70, 71, 72], [0, 80], [0, 81, 82]]
BETA = 0.3


@pytest.fixture(scope="module")
def policy(language_model: Path) -> Policy:
    policy = make_policy(language_model)
    torch.manual_seed(0)
    torch.nn.init.normal_(policy.model.value_head.weight, std=0.1)
    with torch.no_grad():  # another policy than its reference
        for parameter in policy.actor.causal.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return policy


def collect(
    policy: Policy, reward: Any = None, **changes: Any
) -> tuple[Collector, Prompts, np.ndarray[Any, Any], Episodes, RolloutSummary]:
    payload = load_payload(**{"training__gamma": 0.9, **changes})
    reward = reward or LetterReward()
    collector = Collector(
        policy,
        Sampler(8, minibatch=payload.rollout.minibatch),
        rewards_of(reward, payload),
        payload.training,
    )
    texts = policy.tokenizer.batch_decode(TOKENS, skip_special_tokens=True)
    prompts = Prompts(np.arange(3, dtype=np.uint32), TOKENS, texts)
    scores = LetterReward().score(texts)[None]
    rows = np.array([2, 0, 1, 2, 0], dtype=np.intp)
    draws = uniforms(4, 5, 8)
    episodes, summary = collector.collect(prompts, scores, rows, draws, BETA, no_report)
    return collector, prompts, rows, episodes, summary


@pytest.mark.parametrize("prefix", [False, True])
def test_returns_follow_from_rewards_and_kl(policy: Policy, prefix: bool) -> None:
    _, prompts, rows, episodes, summary = collect(
        policy,
        rewards__0__transform="log-sigmoid",
        rewards__0__scale=3,
        rewards__0__baseline="prompt",
        training__prefix_baseline=prefix,
    )
    texts = full_texts(policy, prompts, rows, episodes.responses)
    raw = LetterReward().score(texts)
    np.testing.assert_array_equal(summary.reward, raw)
    with torch.no_grad(), policy.reference() as model:
        reference = policy.evaluate(model, episodes.prompts, episodes.responses, 0).log_probs
    ratios = (episodes.log_probs - reference).numpy()
    np.testing.assert_allclose(summary.kl, ratios.sum(1), atol=1e-4)
    assert np.abs(summary.kl).max() > 0.01

    def shaped(score: float) -> float:
        return 3 * -float(np.log1p(np.exp(-score)))

    for i, row in enumerate(rows):
        n = int(summary.lengths[i])
        own = float(LetterReward().score([prompts.texts[row]])[0])
        rewards = -BETA * ratios[i, :n]
        rewards[-1] += shaped(float(raw[i])) - shaped(own)
        expected = sum(0.9**t * r for t, r in enumerate(rewards))
        assert summary.returns[i] == pytest.approx(expected, abs=1e-3)
        drawn = episodes.responses.tokens[i].tolist()
        for step in range(n):
            prefix_tokens = prompts.tokens[row] + drawn[:step]
            text = policy.tokenizer.decode(prefix_tokens, skip_special_tokens=True)
            value = shaped(float(LetterReward().score([text])[0])) - shaped(own)
            found = float(episodes.critique.baseline[i, step])
            assert found == pytest.approx(value if prefix else 0, abs=1e-4)
        assert not episodes.critique.baseline[i, n:].any()
    first = episodes.critique.advantages[:, 0] + episodes.critique.values[:, 0]
    np.testing.assert_allclose(summary.lambda_returns, first, atol=1e-6)
    assert summary.entropy > 0


def test_minibatches_of_sampling_change_nothing(policy: Policy) -> None:
    *_, one = collect(policy)
    *_, two = collect(policy, rollout__minibatch=2)
    np.testing.assert_allclose(one.returns, two.returns, atol=1e-3)
    np.testing.assert_array_equal(one.lengths, two.lengths)


class Broken(LetterReward):
    """Answers NaN for the texts at `places` of each call."""

    def __init__(self, *places: int) -> None:
        self._places = places

    def score(self, texts: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
        scores = super().score(texts)
        scores[[place for place in self._places if place < len(texts)]] = np.nan
        return scores


def test_a_reward_that_fails_takes_only_its_own_episode_out(policy: Policy) -> None:
    *_, whole, plain = collect(policy)
    *_, episodes, summary = collect(policy, Broken(3))
    assert summary.components[0].failures == {3: Failed("not-finite", "the score is nan")}
    others = [0, 1, 2, 4]
    for name in ("reward", "returns", "lambda_returns"):
        own, all_ = getattr(summary, name), getattr(plain, name)
        assert np.isnan(own[3])
        np.testing.assert_array_equal(own[others], all_[others])
    np.testing.assert_array_equal(summary.kl, plain.kl)
    np.testing.assert_array_equal(summary.lengths, plain.lengths)
    assert episodes.failed.tolist() == [False, False, False, True, False]
    assert episodes.critique.advantages[others].equal(whole.critique.advantages[others])


def test_an_episode_whose_prefix_has_no_score_failed(policy: Policy) -> None:
    """Text 9 of the second call is the eleventh prefix: of whichever episode it is."""

    class PrefixBroken(Broken):
        calls = 0

        def score(self, texts: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
            self.calls += 1
            return super().score(texts) if self.calls == 2 else LetterReward.score(self, texts)

    *_, plain = collect(policy, training__prefix_baseline=True)
    ends = np.cumsum(plain.lengths.astype(int) - 1)
    episode = int(np.searchsorted(ends, 9, side="right"))
    *_, episodes, summary = collect(policy, PrefixBroken(9), training__prefix_baseline=True)
    assert list(summary.components[0].failures) == [episode]
    assert summary.components[0].failures[episode].message.startswith("the text before its token ")
    assert np.flatnonzero(episodes.failed).tolist() == [episode]
    assert np.isfinite(np.delete(summary.lambda_returns, episode)).all()


def test_numbers_that_diverged_are_told_by_name_and_episode(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Diverged, match=r"returns of \d of 5 .* \(the first are") as caught:
        collect(policy, training__gamma=1e30)
    assert (caught.value.detail or "").startswith("episodes [")
    for name, told in (("value_head", "values"), ("lm_head", "log-probabilities")):
        broken = copy.deepcopy(policy)
        weight = broken.model.value_head.weight
        if name == "lm_head":
            weight = broken.actor.causal.get_output_embeddings().weight
        torch.nn.init.constant_(weight, torch.nan)
        with pytest.raises(Diverged, match=r"the weights of (value_head|transformer\.wte)\.weight"):
            collect(broken)
        with monkeypatch.context() as patch:
            patch.setattr("averse_worker.rollout.collect.require_finite", lambda parameters: None)
            with pytest.raises(Diverged, match=f"{told} of 5 of 5"):
                collect(broken)
