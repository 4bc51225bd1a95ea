"""Returns and advantages against loops that read like the formulas."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from averse_worker.rollout import returns


def valid_of(lengths: torch.Tensor, width: int) -> torch.Tensor:
    return torch.arange(width) < lengths[:, None]


def gae_by_hand(
    rewards: list[float], values: list[float], gamma: float, lambda_: float
) -> list[float]:
    """Σ_l (γλ)^l δ_{t+l} (Schulman et al. 2016, eq. 16), term by term."""
    count = len(rewards)
    after = [*values[1:], 0.0]
    deltas = [rewards[t] + gamma * after[t] - values[t] for t in range(count)]
    return [
        sum((gamma * lambda_) ** (later - t) * deltas[later] for later in range(t, count))
        for t in range(count)
    ]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    gamma=st.floats(0.5, 1.0),
    lambda_=st.floats(0.0, 1.0),
    beta=st.floats(0.0, 1.0),
)
def test_returns_and_advantages_equal_a_plain_loop(
    seed: int, gamma: float, lambda_: float, beta: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor([1, 4, 6])
    valid = valid_of(lengths, 6)
    log_ratios = torch.randn(3, 6, generator=generator) * valid
    values = torch.randn(3, 6, generator=generator)
    scores = torch.randn(3, generator=generator)
    rewards = returns.dense_rewards(scores, log_ratios, lengths, beta)
    found = returns.advantages(rewards, values, valid, gamma, lambda_)
    sums = returns.discounted_returns(rewards, gamma)
    for i, n in enumerate(lengths.tolist()):
        dense = [-beta * x for x in log_ratios[i, :n].tolist()]
        dense[-1] += float(scores[i])
        np.testing.assert_allclose(rewards[i, :n], dense, atol=1e-5)
        hand = gae_by_hand(dense, values[i, :n].tolist(), gamma, lambda_)
        np.testing.assert_allclose(found[i, :n], hand, atol=1e-4)
        assert float(sums[i]) == pytest.approx(
            sum(gamma**t * r for t, r in enumerate(dense)), abs=1e-4
        )
        assert not found[i, n:].any()
        assert not rewards[i, n:].any()


def test_whitening_gives_weighted_mean_zero_and_variance_one() -> None:
    generator = torch.Generator().manual_seed(0)
    values = 3 + 5 * torch.randn(7, 5, generator=generator)
    weights = torch.rand(7, 5, generator=generator) * valid_of(torch.arange(1, 8), 5)
    white = returns.whiten(values, weights)
    share = weights / weights.sum()
    assert float((share * white).sum()) == pytest.approx(0, abs=1e-5)
    assert float((share * white**2).sum()) == pytest.approx(1, abs=1e-4)
    assert not white[weights == 0].any()
    torch.testing.assert_close(returns.whiten(values, 10 * weights), white)


def test_whitening_divides_by_the_deviation_that_it_tells() -> None:
    generator = torch.Generator().manual_seed(1)
    values, others = torch.randn(3, 4, generator=generator), 9 * torch.randn(5, 2)
    weights = torch.rand(3, 4, generator=generator)
    for population in (None, (others, torch.ones(5, 2))):
        white = returns.whiten(values, weights, population)
        deviation = returns.whitening_deviation(values, weights, population)
        torch.testing.assert_close(
            white[0, 0] - white[2, 3], (values[0, 0] - values[2, 3]) / deviation
        )


def test_whitening_one_token_gives_zero() -> None:
    assert returns.whiten(torch.tensor([[4.0]]), torch.ones(1, 1)).tolist() == [[0.0]]
