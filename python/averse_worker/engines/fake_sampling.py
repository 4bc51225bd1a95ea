"""How the fake engine draws episodes and what they are worth, up to the return R̄."""

import statistics
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from averse_worker.engines import fake_world
from averse_worker.engines.fake_world import Floats, Prompts
from averse_worker.messages import LoadPayload, LoadReward, LoadRollout


@dataclass(frozen=True)
class Draw:
    """One episode a row, before any policy had a say in its worth."""

    actions: Floats
    lengths: NDArray[np.uint32]
    noise: Floats
    """Of the raw reward: Student's t with three degrees of freedom."""


@dataclass(frozen=True)
class Worth:
    """One episode a row; β in where it says KL."""

    raw: Floats
    returns: Floats
    trained: Floats
    """The transformed reward, at the last token."""
    kl_a_token: Floats
    """β·KL spread evenly over the tokens."""


def draw(
    prompts: Prompts, policy: Floats, settings: LoadRollout, random: np.random.Generator
) -> Draw:
    """Samples one action a prompt; takes the same random numbers whatever the policy."""
    count = prompts.ids.size
    normal = random.standard_normal(count)
    if settings.top_p < 1:
        # The middle `top_p` of the distribution, as nucleus sampling leaves the tails out.
        bound = statistics.NormalDist().inv_cdf(0.5 + settings.top_p / 2)
        normal = np.clip(normal, -bound, bound)
    shortest = max(settings.min_new_tokens, 1)
    lengths = random.integers(shortest, settings.new_tokens + 1, count, dtype=np.uint32)
    noise = random.standard_t(3, count)
    return Draw(prompts.features @ policy + settings.temperature * normal, lengths, noise)


def worth(
    prompts: Prompts, drawn: Draw, kl: Floats, kl_coefficient: float, loaded: LoadPayload
) -> Worth:
    """Reward and return of each episode, `kl` being Σ over tokens of log(π / π_ref)."""
    raw = fake_world.raw_reward(prompts, drawn.actions, drawn.noise)
    trained = _transformed(raw, prompts, loaded.reward)
    kl_a_token = kl_coefficient * kl / drawn.lengths
    gamma = loaded.training.gamma
    discounts = np.cumsum(gamma ** np.arange(int(drawn.lengths.max())))
    last = drawn.lengths.astype(np.intp) - 1
    returns = trained * gamma ** last.astype(np.float64) - kl_a_token * discounts[last]
    return Worth(raw, returns, trained, kl_a_token)


def _transformed(reward: Floats, prompts: Prompts, settings: LoadReward) -> Floats:
    if settings.baseline == "prompt":
        reward = reward - prompts.scores
    if settings.transform == "clip":
        return np.clip(reward, -settings.scale, settings.scale)
    if settings.transform == "log-sigmoid":
        return -settings.scale * np.logaddexp(0.0, -reward)
    return reward
