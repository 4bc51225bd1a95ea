"""Scores texts: the reward that is trained on, the judge that only evaluates, and the transform
between a raw score and the reward of an episode.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from averse_worker.classifiers import Classifier, load_classifier
from averse_worker.device import Device, quiet
from averse_worker.errors import InputError
from averse_worker.messages import LoadReward
from averse_worker.model_folder import ModelFolder, load_tokenizer
from averse_worker.models import context_of


class RewardModel(Protocol):
    """Raw scores of texts, high is good; each text's score is independent of the others."""

    @property
    def batch(self) -> int | None:
        """Texts that `score` is given at once; None: as many as there are."""
        ...

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[len(texts)]"""
        ...


class ClassifierReward:
    """One of Averse's own small classifiers."""

    batch: Final = None

    def __init__(self, classifier: Classifier, sign: int = 1) -> None:
        self._classifier = classifier
        self._sign = np.float32(sign)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Sign × the classifier's logit."""
        return self._sign * self._classifier.score(texts)


class TransformersReward:
    """A transformers sequence classifier: sign × the logit of one class."""

    batch: Final = 64

    def __init__(
        self, model: PreTrainedModel, tokenizer: Any, index: int, sign: int, device: Device
    ) -> None:
        self._model = model.to(device.torch_device).eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._index = index
        self._sign = sign
        self._device = device
        self._limit = min(tokenizer.model_max_length, context_of(model))
        if "roberta" in model.config.model_type:
            # Its first positions are kept for padding.
            self._limit = min(self._limit, context_of(model) - model.config.pad_token_id - 1)

    @torch.inference_mode()
    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One forward pass; texts longer than the classifier's context are cut at its end."""
        batch = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._limit,
            padding=True,
            return_tensors="pt",
        ).to(self._device.torch_device)
        with self._device.autocast():
            logits = self._model(**batch).logits[:, self._index]
        scores: NDArray[np.float32] = logits.float().cpu().numpy()
        return np.float32(self._sign) * scores


def load_reward(
    folder: ModelFolder, label: str | None, sign: int, device: Device, trust_remote_code: bool
) -> RewardModel:
    """The reward model in `folder`, of whichever kind its config names.

    Raises:
        InputError: missing or corrupt files, no such label, or not a sequence classifier.
    """
    config = folder.config()
    if str(config.get("architecture", "")).startswith("averse-"):
        return _own(folder, config, label, sign)
    if not any("SequenceClassification" in a for a in config.get("architectures") or []):
        raise folder.wrong(
            f"config.json names {config.get('architectures')}, expected a "
            "…ForSequenceClassification model or one of Averse's classifiers"
        )
    with quiet(), folder.explained():
        model = AutoModelForSequenceClassification.from_pretrained(
            folder.path,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
        )
        tokenizer = load_tokenizer(folder, trust_remote_code)
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        raise folder.wrong(
            "the tokenizer has no padding token; set pad_token in tokenizer_config.json"
        )
    return TransformersReward(model, tokenizer, _index(folder, model, label), sign, device)


def _own(
    folder: ModelFolder, config: dict[str, Any], label: str | None, sign: int
) -> ClassifierReward:
    known = str(config.get("label", "positive"))
    if label is not None and label != known:
        raise InputError(
            f"{folder.path}: has no label '{label}'; its only label is '{known}'",
            key="reward.label",
        )
    try:
        return ClassifierReward(load_classifier(Path(folder.path)), sign)
    except ValueError as error:
        raise InputError(str(error), key=folder.key) from error


def _index(folder: ModelFolder, model: PreTrainedModel, label: str | None) -> int:
    names: dict[int, str] = {int(i): str(name) for i, name in model.config.id2label.items()}
    if label is None:
        return len(names) - 1
    for index, name in names.items():
        if name == label:
            return index
    listed = ", ".join(f"'{name}'" for name in names.values())
    raise InputError(
        f"{folder.path}: has no label '{label}'; its labels are {listed}", key="reward.label"
    )


class RewardTransform:
    """From raw scores to the rewards that enter the return.

    identity: x · clip: x within ±scale · log-sigmoid: scale·log σ(x), which saturates where a text
    is good and is linear where it is bad. Baseline `prompt`: the prompt's own transformed score is
    taken off, so that an episode is rewarded for what it added.
    """

    def __init__(self, settings: LoadReward) -> None:
        self._kind = settings.transform
        self._scale = settings.scale
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
        return scores
