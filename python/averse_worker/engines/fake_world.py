"""The small world of the fake engine: prompts with heavy-tailed scores, and what pays in it.

An episode is one number, the action a. Prompt i has features φᵢ and a hardness hᵢ in [0, 1): the
raw reward is 0.6·scoreᵢ + 3·exp(−(a − tᵢ)²/8) + noise with the target tᵢ = 1 + 3·hᵢ. The features
do not tell the hardness, so one action has to do for all, and a policy that listens to the hard
prompts alone ends elsewhere than one that listens to everybody.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEATURES: Final = 8
TRAIN_PROMPTS: Final = 400
TEST_PROMPTS: Final = 100
_WORDS: Final = tuple(
    start + end for start in ("ba", "do", "fi", "lu", "me", "sa") for end in "bdfklmrst"
)
"""Fifty-four words of a language that nobody speaks."""


@dataclass(frozen=True)
class Prompts:
    """One split; all arrays have one row a prompt."""

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
    """The environment's reward, shape of `actions`; `noise` is Student's t."""
    target = 1.0 + 3.0 * prompts.hardness
    gain = 3.0 * np.exp(-((actions - target) ** 2) / 8.0)
    return 0.6 * prompts.scores + gain + 0.1 * (1.0 + prompts.hardness) * noise


def critic_offset(prompts: Prompts, *, exact: bool) -> Floats:
    """What the critic knows of a prompt from the start: all that counts, or most of it.

    It must know most: where prompts differ more than actions do and the critic cannot tell, the
    worst episodes look the worse the *better* their actions were, and learning from them alone
    goes backwards. (An episode with a good prompt gets among the worst by a bad action only.)
    """
    return (0.6 if exact else 0.5) * prompts.scores


def judge_reward(prompts: Prompts, actions: Floats) -> Floats:
    """A second opinion that agrees with the reward up to a point and is nowhere trained on."""
    target = 1.2 + 2.5 * prompts.hardness
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
