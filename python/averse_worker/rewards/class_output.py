"""How a classifier's logits become one score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from averse_worker.wire.messages.load import Output


@dataclass(frozen=True)
class ClassOutput:
    """One number of the logits of some classes.

    logit: z_i · margin: z_i − z_j · max: max z · logsumexp: log Σ exp z · probability: σ(z_i) of a
    head whose labels do not exclude each other, else softmax(z)_i over all classes.
    """

    kind: Output
    indices: tuple[int, ...]
    """of the classes; for the margin two"""
    multi_label: bool
    """whether each label has a probability of its own; also true of a single one"""

    @property
    def description(self) -> str:
        """For the record."""
        return {
            "logit": "its logit",
            "margin": "the first one's logit less the second one's",
            "max": "the largest of their logits",
            "logsumexp": "log of the sum of exp of their logits",
            "probability": "its sigmoid" if self.multi_label else "its softmax",
        }[self.kind]

    def of(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """[texts], of logits [texts, classes]."""
        if self.kind == "logit":
            own: NDArray[np.float32] = logits[:, self.indices[0]]
            return own
        exact = logits.astype(np.float64)
        chosen = exact[:, list(self.indices)]
        if self.kind == "margin":
            scores = chosen[:, 0] - chosen[:, 1]
        elif self.kind == "max":
            scores = chosen.max(axis=1)
        elif self.kind == "logsumexp":
            scores = np.logaddexp.reduce(chosen, axis=1)
        elif self.multi_label:
            # σ(z) = 1/(1 + e^−z) without overflow.
            scores = np.exp(-np.logaddexp(0.0, -chosen[:, 0]))
        else:
            scores = np.exp(chosen[:, 0] - np.logaddexp.reduce(exact, axis=1))
        return scores.astype(np.float32)
