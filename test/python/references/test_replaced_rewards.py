"""An update's `rewards` and `whiten`, against the formulas one token at a time in float64, and
against a rollout that had those rewards from the start."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from averse_worker.data.tokenise import Prompts
from averse_worker.models.policy import Policy
from averse_worker.rollout.collect import Collector, Episodes, RolloutSummary
from averse_worker.rollout.generate import Sampler, uniforms
from averse_worker.training.objective import make_objective
from averse_worker.training.ppo import Ppo
from averse_worker.wire.limits import LossArrays
from payloads import load_payload
from tiny_models import LetterReward, make_policy, no_report, rewards_of, update_once

PROMPTS = [[0, 40, 50, 60], [0, 70], [0, 33, 34], [0, 80, 81, 82], [9], [0, 90, 91]]
WEIGHTS = [1.0, 0.5, 0.0, 2.0, 1.0, 0.0]
REWARDS = [0.25, -3.0, 7.0, 1.5, 0.0, -0.125]
BETA, GAMMA, LAMBDA = 0.3, 0.97, 0.9
SETTINGS: dict[str, Any] = {"training__gamma": GAMMA, "training__lambda": LAMBDA}


class Given(LetterReward):
    """Answers the same rewards whatever the texts are."""

    def __init__(self, rewards: Sequence[float]) -> None:
        self._rewards = np.array(rewards, dtype=np.float32)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._rewards[: len(texts)].copy()


def new_policy(folder: Path, **changes: Any) -> Policy:
    """One that is not its reference any more, with a critic that has an opinion."""
    policy = make_policy(folder, **SETTINGS, **changes)
    torch.manual_seed(0)
    assert policy.model.value_head is not None
    torch.nn.init.normal_(policy.model.value_head.weight, std=0.2)
    with torch.no_grad():
        for parameter in policy.actor.causal.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return policy


def rolled_out(
    policy: Policy, reward: Any, **changes: Any
) -> tuple[Collector, Episodes, RolloutSummary]:
    payload = load_payload(**SETTINGS, **changes)
    rewards = rewards_of(reward, payload)
    collector = Collector(policy, Sampler(7), rewards, payload.training)
    rows = np.arange(len(PROMPTS))
    texts = policy.tokenizer.batch_decode(PROMPTS)
    prompts = Prompts(rows.astype(np.uint32), PROMPTS, texts)
    scores = LetterReward().score(texts)[None]
    draws = uniforms(4, len(PROMPTS), 7)
    return collector, *collector.collect(prompts, scores, rows, draws, BETA, no_report)


@pytest.mark.parametrize("prefix", [False, True])
def test_advantages_are_the_sums_of_the_formula(language_model: Path, prefix: bool) -> None:
    policy = new_policy(language_model)
    collector, episodes, _ = rolled_out(policy, LetterReward(), training__prefix_baseline=prefix)
    critique = collector.rewarded(episodes, np.array(REWARDS)).critique
    assert critique is not None
    assert episodes.critique is not None
    assert critique.values.equal(episodes.critique.values)
    ratios = (episodes.log_probs - episodes.reference_log_probs).double()
    values = critique.values.double()
    for i, n in enumerate(episodes.responses.lengths.tolist()):
        dense = -BETA * ratios[i, :n]
        dense[-1] += REWARDS[i]
        v = torch.cat([values[i, :n], torch.zeros(1)])
        deltas = dense + GAMMA * v[1:] - v[:-1]
        for t in range(n):
            # Schulman et al. 2016, eq. 16.
            expected = sum((GAMMA * LAMBDA) ** (u - t) * float(deltas[u]) for u in range(t, n))
            assert float(critique.advantages[i, t]) == pytest.approx(expected, abs=1e-5)
        assert not critique.advantages[i, n:].any()


def test_they_are_those_of_a_rollout_with_these_rewards(language_model: Path) -> None:
    """To the last bit, and so are the weights after the update."""
    policy = new_policy(language_model)
    collector, episodes, plain = rolled_out(policy, LetterReward())
    _, others, other = rolled_out(policy, Given(REWARDS))
    np.testing.assert_array_equal(plain.kl, other.kl)
    replaced = collector.rewarded(episodes, np.array(REWARDS))
    assert replaced.critique is not None
    assert others.critique is not None
    assert episodes.critique is not None
    assert replaced.critique.advantages.equal(others.critique.advantages)
    assert not replaced.critique.advantages.equal(episodes.critique.advantages)
    training = load_payload(**SETTINGS).training
    before = {name: tensor.clone() for name, tensor in policy.parameters.items()}
    after = []
    for batch in (replaced, others):
        with torch.no_grad():
            for name, parameter in policy.parameters.items():
                parameter.copy_(before[name])
        told = update_once(Ppo(policy, training, 0), batch, WEIGHTS)
        after.append((told, {name: p.detach().clone() for name, p in policy.parameters.items()}))
    assert after[0][0] == after[1][0]
    for name, tensor in after[0][1].items():
        assert tensor.equal(after[1][1][name]), name


def test_the_trained_rewards_sent_back_change_no_bit(language_model: Path) -> None:
    policy = new_policy(language_model)
    changes = {"rewards__0__transform": "log-sigmoid", "rewards__0__baseline": "prompt"}
    collector, episodes, summary = rolled_out(policy, LetterReward(), **changes)
    again = collector.rewarded(episodes, summary.trained[0].astype(np.float32).astype(float))
    assert again.critique is not None
    assert episodes.critique is not None
    assert again.critique.advantages.equal(episodes.critique.advantages)


def advantages_of(episodes: Episodes, whiten: Any, weights: Sequence[float]) -> NDArray[Any]:
    """[B, T] of the policy's term, those that take part in their places."""
    own = np.array(weights) / sum(weights)
    objective = make_objective(episodes, LossArrays(own, None, None, None), "token-mean", whiten)
    assert objective.policy is not None
    out = np.zeros((len(weights), episodes.log_probs.shape[1]))
    found = objective.policy.advantages
    out[objective.indices, : found.shape[1]] = found.numpy()
    return out


@pytest.mark.parametrize("failed", [[], [2]])
@pytest.mark.parametrize("whiten", ["kept", "batch"])
def test_whitening_is_over_the_kept_or_over_all(
    language_model: Path, whiten: str, failed: list[int]
) -> None:
    _, episodes, _ = rolled_out(new_policy(language_model), LetterReward())
    assert episodes.critique is not None
    gae = episodes.critique.advantages.clone()
    gae[failed] = torch.nan
    lost = np.isin(np.arange(len(PROMPTS)), failed)
    episodes = replace(episodes, critique=replace(episodes.critique, advantages=gae), failed=lost)
    plain, lengths = gae.double().numpy(), episodes.responses.lengths.tolist()
    whose = [
        i for i in range(len(PROMPTS)) if (WEIGHTS[i] > 0 if whiten == "kept" else not lost[i])
    ]
    counts = {i: WEIGHTS[i] if whiten == "kept" else 1.0 for i in whose}
    whole = sum(counts[i] * lengths[i] for i in whose)
    mean = sum(counts[i] * plain[i, : lengths[i]].sum() for i in whose) / whole
    squares = sum(counts[i] * ((plain[i, : lengths[i]] - mean) ** 2).sum() for i in whose)
    found = advantages_of(episodes, whiten, WEIGHTS)
    for i, n in enumerate(lengths):
        expected = np.zeros(found.shape[1])
        if WEIGHTS[i] > 0:
            expected[:n] = (plain[i, :n] - mean) / (squares / whole) ** 0.5
        np.testing.assert_allclose(found[i], expected, rtol=1e-4, atol=1e-5)
    kept = [i for i in range(len(PROMPTS)) if WEIGHTS[i] > 0]
    own = sum(WEIGHTS[i] * found[i].sum() for i in kept)
    # Within the tail the mean is 0; against the batch the tail keeps its own.
    assert (abs(own) < 1e-4) == (whiten == "kept")
