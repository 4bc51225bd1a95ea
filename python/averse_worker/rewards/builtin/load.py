"""The contract of Averse's small text classifiers, and how one is read from a folder.

A folder holds `config.json`, whose `architecture` names the kind, and `model.safetensors`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from averse_worker.rewards.builtin.folder import CONFIG, read_config


class Classifier(Protocol):
    """Scores texts: high is positive, each text's score is independent of the others."""

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raw logits [len(texts)], finite, float32."""
        ...


def load_classifier(folder: Path) -> Classifier:
    """The classifier in `folder`, of the architecture its config names.

    Raises ValueError, naming folder and file, where something is missing, corrupt or unknown.
    """
    architecture = read_config(folder).get("architecture")
    if architecture == "averse-ngram":
        from averse_worker.rewards.builtin.ngram import NgramClassifier

        return NgramClassifier.from_folder(folder)
    if architecture == "averse-convolution":
        # Imported only here: this architecture brings torch with it.
        from averse_worker.rewards.builtin.convolution import ConvolutionClassifier

        return ConvolutionClassifier.from_folder(folder)
    raise ValueError(
        f"{folder / CONFIG}: architecture is {architecture!r}, "
        "expected 'averse-ngram' or 'averse-convolution'"
    )
