"""The small world of the fake engine: prompts with heavy-tailed scores, and what pays in it.

An episode is one number, the action a. Prompt i has features φᵢ and a hardness hᵢ in [0, 1): the
raw reward is 0.6·scoreᵢ + 3·exp(−(a − tᵢ)²/8) + noise with the target tᵢ = 1 + 3·hᵢ. The features
do not tell the hardness, so one action has to do for all, and a policy trained on the hard
prompts alone ends elsewhere than one trained on all.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.wire.messages.load import LoadPayload, LoadReward, LoadRollout

Floats = NDArray[np.float64]

FEATURES: Final = 8
TRAIN_PROMPTS: Final = 400
TEST_PROMPTS: Final = 100
_WORDS: Final = tuple(
    start + end for start in ("ba", "do", "fi", "lu", "me", "sa") for end in "bdfklmrst"
)
"""Fifty-four invented words."""


@dataclass(frozen=True)
class Prompts:
    """One split; all arrays have one row per prompt."""

    ids: NDArray[np.uint32]
    scores: Floats
    hardness: Floats
    features: Floats

    def take(self, positions: NDArray[np.intp]) -> "Prompts":
        """The prompts at these positions, in this order."""
        return Prompts(
            self.ids[positions],
            self.scores[positions],
            self.hardness[positions],
            self.features[positions],
        )


def condition_shift(condition: int | None, known: int) -> float:
    """What a condition adds to the mean action: the last of them a little towards what prompts
    want, the others less."""
    return 0.0 if condition is None else 0.6 * (condition + 1) / known - 0.3


def make_prompts(sign: int) -> tuple[Prompts, Prompts]:
    """Train and test prompts, always the same; `sign` is the reward model's."""
    random = np.random.default_rng(0x5EED)
    total = TRAIN_PROMPTS + TEST_PROMPTS
    scores = sign * (0.9 + 0.7 * random.standard_normal(total) - 0.8 * random.pareto(2.2, total))
    hardness = np.tanh(np.maximum(0.0, 1.0 - scores) / 3.0)
    features = 0.3 * random.standard_normal((total, FEATURES))
    features[:, 0] = 1.0
    every = Prompts(np.arange(total, dtype=np.uint32), scores, hardness, features)
    positions = np.arange(total)
    return every.take(positions[:TRAIN_PROMPTS]), every.take(positions[TRAIN_PROMPTS:])


def raw_reward(prompts: Prompts, actions: Floats, noise: Floats) -> Floats:
    """The environment's first reward, shape of `actions`; `noise` is Student's t."""
    target = 1.0 + 3.0 * prompts.hardness
    gain = 3.0 * np.exp(-((actions - target) ** 2) / 8.0)
    return 0.6 * prompts.scores + gain + 0.1 * (1.0 + prompts.hardness) * noise


def component_rewards(prompts: Prompts, drawn: "Draw", rewards: Sequence[LoadReward]) -> Floats:
    """Raw rewards, shape (components, episodes): the first is the world's, the others are second
    opinions of which each wants a little more than the one before."""
    own = rewards[0].scorer.sign
    rows = [raw_reward(prompts, drawn.actions, drawn.noise)]
    for place, reward in enumerate(rewards[1:]):
        rows.append(own * reward.scorer.sign * judge_reward(prompts, drawn.actions, place))
    return np.stack(rows)


def prompt_scores(prompts: Prompts, rewards: Sequence[LoadReward]) -> Floats:
    """Scores of the prompts alone by component, shape (components, prompts)."""
    own = rewards[0].scorer.sign
    rows = [prompts.scores]
    rows += [own * reward.scorer.sign * 0.5 * prompts.scores for reward in rewards[1:]]
    return np.stack(rows)


def critic_offset(prompts: Prompts, *, exact: bool) -> Floats:
    """What the critic knows of a prompt from the start: all that counts, or most of it.

    It must know most: where prompts differ more than actions do and the critic cannot tell, the
    worst episodes look the worse the *better* their actions were, and learning from them alone
    goes backwards. (An episode with a good prompt gets among the worst by a bad action only.)
    """
    return (0.6 if exact else 0.5) * prompts.scores


def judge_reward(prompts: Prompts, actions: Floats, place: int = 0) -> Floats:
    """Another opinion, which agrees with the reward up to a point; the higher `place`, the less."""
    target = 1.2 + 2.5 * prompts.hardness + 0.5 * place
    return 0.5 * prompts.scores + 2.5 * np.exp(-((actions - target) ** 2) / 10.0)


def prompt_text(id: int, words: int) -> str:
    """The first `words` words of a prompt."""
    random = np.random.default_rng((0x7E47, id))
    return " ".join(_WORDS[i] for i in random.integers(0, len(_WORDS), min(words, 24)))


def completion_tokens(
    random: np.random.Generator, means: Floats, lengths: NDArray[np.uint32], top_k: int
) -> list[list[int]]:
    """Word numbers of each completion; the further a policy has gone, the fewer words it uses."""
    vocabulary = min(top_k or len(_WORDS), len(_WORDS))
    uniform = random.random((means.size, int(lengths.max())))
    numbers = (vocabulary * uniform ** (1.0 + np.abs(means)[:, None] / 2.0)).astype(np.int64)
    return [row[:length].tolist() for row, length in zip(numbers, lengths, strict=True)]


def completion_text(tokens: list[int]) -> str:
    """The words of a completion."""
    return " ".join(_WORDS[token] for token in tokens)


def fluency(drift: Floats, completions: int) -> dict[str, Callable[[], float]]:
    """Figures of a fixed language model that likes what the reference would say; of every
    thousand completions one is left out."""
    return {
        "fluency": lambda: 30 * math.exp(min(0.1 * float(drift @ drift), 5)),
        "fluency_left_out": lambda: float(completions // 1000),
    }


def toxicity_of(prompts: Prompts, actions: Floats) -> Floats:
    """Probability in (0, 1) of each completion alone: the lower its reward, the more toxic."""
    return 1 / (1 + np.exp(2 * judge_reward(prompts, actions)))


def prompt_toxicity(prompts: Prompts) -> Floats:
    """The same of each prompt alone."""
    return 1 / (1 + np.exp(2 * prompts.scores))


@dataclass(frozen=True)
class Draw:
    """One episode per row, before any policy had a say in its worth."""

    actions: Floats
    lengths: NDArray[np.uint32]
    noise: Floats
    """Of the raw reward: Student's t with three degrees of freedom."""

    def take(self, rows: NDArray[np.intp]) -> "Draw":
        """Some episodes, in this order."""
        return Draw(self.actions[rows], self.lengths[rows], self.noise[rows])


@dataclass(frozen=True)
class Worth:
    """One episode per row; β in where it says KL."""

    components: Floats
    """Raw, shape (components, episodes)."""
    raw: Floats
    returns: Floats
    contributions: Floats
    """What each component adds to the trained reward, shape (components, episodes)."""
    trained: Floats
    """The transformed reward, at the last token."""
    kl_per_token: Floats
    """β·KL spread evenly over the tokens."""


def draw(
    prompts: Prompts,
    policy: Floats,
    settings: LoadRollout,
    noise_factor: float,
    random: np.random.Generator,
) -> Draw:
    """Samples one action per prompt; takes the same random numbers whatever the policy."""
    count = prompts.ids.size
    normal = random.standard_normal(count)
    if settings.top_p < 1:
        # The middle `top_p` of the distribution, as nucleus sampling leaves the tails out.
        bound = statistics.NormalDist().inv_cdf(0.5 + settings.top_p / 2)
        normal = np.clip(normal, -bound, bound)
    shortest = max(settings.min_new_tokens, 1)
    lengths = random.integers(shortest, settings.new_tokens + 1, count, dtype=np.uint32)
    noise = noise_factor * random.standard_t(3, count)
    return Draw(prompts.features @ policy + settings.temperature * normal, lengths, noise)


def worth(
    prompts: Prompts,
    drawn: Draw,
    kl: Floats,
    kl_coefficient: float,
    scores: Floats,
    loaded: LoadPayload,
) -> Worth:
    """Reward and return of each episode.

    Args:
        kl: Σ over tokens of log(π / π_ref).
        scores: of the prompts alone, shape (components, episodes).
    """
    components = component_rewards(prompts, drawn, loaded.rewards)
    raw = combined(components, loaded.rewards)
    shaped = np.stack(
        [_trained(*row) for row in zip(components, scores, loaded.rewards, strict=True)]
    )
    trained = combined(shaped, loaded.rewards)
    contributions = np.array([reward.weight for reward in loaded.rewards])[:, None] * shaped
    kl_per_token = kl_coefficient * kl / drawn.lengths
    gamma = loaded.training.gamma
    discounts = np.cumsum(gamma ** np.arange(int(drawn.lengths.max())))
    last = drawn.lengths.astype(np.intp) - 1
    returns = trained * gamma ** last.astype(np.float64) - kl_per_token * discounts[last]
    return Worth(components, raw, returns, contributions, trained, kl_per_token)


def combined(components: Floats, rewards: Sequence[LoadReward]) -> Floats:
    """Σ over components of weight · row."""
    total: Floats = rewards[0].weight * components[0]
    for reward, row in zip(rewards[1:], components[1:], strict=True):
        total = total + reward.weight * row
    return total


def _trained(raw: Floats, prompt: Floats, settings: LoadReward) -> Floats:
    shaped = _transformed(raw, settings)
    return shaped - _transformed(prompt, settings) if settings.baseline == "prompt" else shaped


def _transformed(reward: Floats, settings: LoadReward) -> Floats:
    if settings.transform == "clip":
        return np.clip(reward, -settings.scale, settings.scale)
    if settings.transform == "log-sigmoid":
        return -settings.scale * np.logaddexp(0.0, -reward)
    if settings.transform == "sigmoid":
        return settings.scale / (1.0 + np.exp(-reward))
    if settings.transform == "hinge":
        return settings.scale * np.minimum(reward - settings.threshold, 0.0)
    return reward


@dataclass(frozen=True)
class Words:
    """What the texts of a rollout follow from; one row per episode."""

    prompts: NDArray[np.uint32]
    means: Floats
    """Mean action of the policy that sampled: a later one would say something else."""
    lengths: NDArray[np.uint32]
    seed: int
    """The rollout's."""

    def text_of(self, episode: int, settings: LoadPayload) -> tuple[str, str]:
        """Prompt and completion; they depend on nothing but this episode."""
        random = np.random.default_rng((0x7E85, self.seed, episode))
        one = slice(episode, episode + 1)
        [tokens] = completion_tokens(
            random, self.means[one], self.lengths[one], settings.rollout.top_k
        )
        prompt = prompt_text(int(self.prompts[episode]), settings.data.prompt_tokens)
        return prompt, completion_text(tokens)
