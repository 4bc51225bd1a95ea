"""From a raw score to the reward of an episode."""

import numpy as np
from numpy.typing import NDArray

from averse_worker.wire.messages.load import LoadReward


class RewardTransform:
    """From raw scores to the rewards that enter the return.

    identity: x · clip: x within ±scale · log-sigmoid: scale·log σ(x), which saturates where a text
    is good and is linear where it is bad · sigmoid: scale·σ(x) · hinge: scale·min(x − threshold,
    0), where only what is under the threshold counts. Baseline `prompt`: the prompt's own
    transformed score is taken off, so that an episode is rewarded for what it added.
    """

    def __init__(self, settings: LoadReward) -> None:
        self._kind = settings.transform
        self._scale = settings.scale
        self._threshold = settings.threshold
        self.normalizes = settings.normalize == "running"
        self.subtracts_prompt = settings.baseline == "prompt"

    def __call__(
        self, raw: NDArray[np.float32], prompts: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Transformed scores; `prompts` holds the raw scores of the prompts, of the same shape."""
        shaped = self._shape(raw)
        if self.subtracts_prompt:
            shaped = shaped - self._shape(prompts)
        return shaped.astype(np.float32)

    def _shape(self, raw: NDArray[np.float32]) -> NDArray[np.float64]:
        scores = raw.astype(np.float64)
        if self._kind == "clip":
            return np.clip(scores, -self._scale, self._scale)
        if self._kind == "log-sigmoid":
            # log σ(x) = −log(1 + e^−x) without overflow.
            return -self._scale * np.logaddexp(0.0, -scores)
        if self._kind == "sigmoid":
            return self._scale * np.exp(-np.logaddexp(0.0, -scores))
        if self._kind == "hinge":
            return self._scale * np.minimum(scores - self._threshold, 0.0)
        return scores
