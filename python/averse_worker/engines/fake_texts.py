"""Words for the fake engine's episodes, which are numbers; made up only when somebody asks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from averse_worker.engines import fake_world
from averse_worker.engines.fake_world import Floats
from averse_worker.messages import LoadPayload


@dataclass(frozen=True)
class Words:
    """What the texts of a rollout follow from; one row an episode."""

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
        [tokens] = fake_world.completion_tokens(
            random, self.means[one], self.lengths[one], settings.rollout.top_k
        )
        prompt = fake_world.prompt_text(int(self.prompts[episode]), settings.data.prompt_tokens)
        return prompt, fake_world.completion_text(tokens)
