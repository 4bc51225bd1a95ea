"""Sequence classifiers as reward models: transformers' and Averse's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from averse_worker.models.folder import ModelFolder, load_tokenizer
from averse_worker.models.load import context_of
from averse_worker.platform.device import Device, quiet
from averse_worker.rewards.builtin.load import Classifier, load_classifier
from averse_worker.rewards.contract import RewardModel
from averse_worker.wire.errors import InputError


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
