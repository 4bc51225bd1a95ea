"""Sequence classifiers as reward models: transformers' and Averse's own."""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from averse_worker.data.text import Control, Text, begun_once, control_tokens, template
from averse_worker.models.declared import check_classifier, class_labels
from averse_worker.models.folder import ModelFolder
from averse_worker.models.pretrained import load_pretrained
from averse_worker.models.settings import classifier_settings
from averse_worker.models.window import window_of
from averse_worker.platform.device import Device
from averse_worker.rewards.builtin.load import Classifier, load_classifier
from averse_worker.rewards.class_output import ClassOutput
from averse_worker.rewards.contract import RewardModel
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.load import Output


class ClassifierReward:
    """One of Averse's own small classifiers."""

    batch: Final = None

    def __init__(self, classifier: Classifier, sign: int = 1, output: Output = "logit") -> None:
        self._classifier = classifier
        self._sign = np.float32(sign)
        self._output = ClassOutput(output, (0,), multi_label=True)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Sign × the classifier's output."""
        return self._sign * self._output.of(self._classifier.score(texts)[:, None])


class TransformersReward:
    """A transformers sequence classifier: sign × one output of its classes.

    Texts longer than its window lose their beginning: the completion is what is scored.
    """

    batch: Final = 64

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Any,
        output: ClassOutput,
        sign: int,
        device: Device,
        settings: Mapping[str, str],
    ) -> None:
        """Takes both over: what the folder says of truncation and padding is replaced.

        Args:
            settings: what the folder says of these and others, for the record.
        """
        self.settings = settings
        self._model = model.to(device.torch_device).eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._tokenizer.truncation_side = "left"
        self._output = output
        self._sign = sign
        self._device = device
        self.window = window_of(tokenizer, model)
        """tokens of a text, those that the tokenizer adds in"""
        self._controls = set(control_tokens(tokenizer).values())
        self._before, self._after = template(tokenizer)
        self._room = self.window - len(self._before) - len(self._after)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One forward pass.

        Raises:
            ValueError: a completion alone is longer than the window.
        """
        return self.score_tokens(self._encode(texts))

    @torch.inference_mode()
    def score_tokens(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """One forward pass of texts as token ids."""
        tokens, mask = self._padded(rows)
        with self._device.autocast():
            logits = self._model(input_ids=tokens, attention_mask=mask).logits
        raw: NDArray[np.float32] = logits.float().cpu().numpy()
        return np.float32(self._sign) * self._output.of(raw)

    @property
    def tokenizer(self) -> Any:
        """Its own."""
        return self._tokenizer

    @property
    def controls(self) -> Set[str]:
        """Spellings of the control tokens that it knows."""
        return self._controls

    def check(self, folder: ModelFolder) -> None:
        """Refuses a classifier whose score of a text depends on the padding of its batch.

        Raises:
            InputError
        """
        probe = ["a", "a good film", "one two three four five six seven"]
        together = self.score(probe)
        alone = np.concatenate([self.score([text]) for text in probe])
        exact = self._device.dtype == self._model.dtype == torch.float32
        near = 1e-3 if exact else 5e-2
        if not np.allclose(together, alone, rtol=near, atol=near):
            worst = int(np.argmax(np.abs(together - alone)))
            raise folder.wrong(
                f"scores a text {alone[worst]:.4g} alone and {together[worst]:.4g} in a batch "
                "with longer ones; expected a classifier that ignores padding"
            )

    def check_completions(
        self, folder: ModelFolder, policy: PreTrainedTokenizerBase, new_tokens: int
    ) -> None:
        """Refuses completions longer than the window; known in advance only where both models
        have the same vocabulary.

        Args:
            policy: its tokenizer.

        Raises:
            InputError
        """
        if new_tokens > self._room and self._tokenizer.get_vocab() == policy.get_vocab():
            raise folder.wrong(
                f"reads at most {self._room} tokens of a text, but rollout.new_tokens is "
                f"{new_tokens}; set it to {self._room} or lower",
                key="rollout.new_tokens",
            )

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, at most the window; control tokens that the model knows stay."""
        rows: list[list[int]] = [[]] * len(texts)
        spelled: dict[bool, dict[int, str]] = {False: {}, True: {}}
        for i, text in enumerate(texts):
            pieces = text.pieces if isinstance(text, Text) else (text,)
            known = [p for p in pieces if isinstance(p, str) or p.token in self._controls]
            words = [p for p in known if isinstance(p, str)]
            if len(words) == len(known):
                spelled[False][i] = str(text)
            elif not any(token in word for token in self._controls for word in words):
                spelled[True][i] = "".join(p if isinstance(p, str) else p.token for p in known)
            else:
                rows[i] = self._joined(known)
        for markers, found in spelled.items():
            for i, ids in zip(found, self._ids(list(found.values()), markers), strict=True):
                rows[i] = ids
        for i, (text, ids) in enumerate(zip(texts, rows, strict=True)):
            rows[i] = begun_once(ids, self._before)
            if len(ids) >= self.window and isinstance(text, Text):
                self.require_completion_fits(text.completion)
        return rows

    def _ids(self, texts: list[str], markers: bool) -> list[list[int]]:
        if not texts:
            return []
        found: list[list[int]] = self._tokenizer(
            texts,
            split_special_tokens=not markers,
            truncation=True,
            max_length=self.window,
        ).input_ids
        return found

    def _joined(self, pieces: Sequence[str | Control]) -> list[int]:
        """Of words that spell a control token beside real ones: piece by piece."""
        inner: list[int] = []
        for piece in pieces:
            if isinstance(piece, Control):
                inner.append(self._tokenizer.convert_tokens_to_ids(piece.token))
            else:
                words = {"add_special_tokens": False, "split_special_tokens": True}
                inner += self._tokenizer(piece, **words).input_ids
        return [*self._before, *inner[-self._room :], *self._after]

    def require_completion_fits(self, completion: str) -> None:
        """Refuses a completion that is longer than the window.

        Raises:
            ValueError
        """
        words = {"add_special_tokens": False, "split_special_tokens": True}
        length = len(self._tokenizer(completion, **words).input_ids)
        if length > self._room:
            raise ValueError(
                f"the completion alone has {length} tokens; the scorer reads at most {self._room}"
            )

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Token ids and mask, padded on the right.

        Models that read their score at the last token find it as the last that is not
        `config.pad_token_id`: so that is the id that fills up here, whatever their config says,
        and one that no text has.
        """
        used = {token for row in rows for token in row}
        pad = self._tokenizer.pad_token_id
        if pad is None or pad in used:
            pad = next(i for i in range(len(used) + 1) if i not in used)
        self._model.config.get_text_config().pad_token_id = pad
        width = max(map(len, rows))
        tokens = [[*row, *[pad] * (width - len(row))] for row in rows]
        mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
        device = self._device.torch_device
        return torch.tensor(tokens, device=device), torch.tensor(mask, device=device)


def check_reward(
    folder: ModelFolder, labels: Sequence[str] = (), output: Output = "logit"
) -> list[int]:
    """Indices of the classes that are scored; reads no weights.

    Raises:
        InputError: missing or corrupt files, no such label, or not a sequence classifier.
        MissingEnvironment: a package that its tokenizer needs is not installed.
    """
    config = folder.json("config.json") or {}
    if not is_own(config):
        return check_classifier(folder, labels, output)
    known = str(config.get("label", "positive"))
    unknown = [label for label in labels if label != known]
    if unknown:
        raise folder.wrong(
            f"has no label '{unknown[0]}'; its only label is '{known}'", key=folder.sibling("label")
        )
    if output not in ("logit", "probability"):
        raise folder.wrong(
            f"has one label, of which there is no {output}; use the output logit or probability",
            key=folder.sibling("output"),
        )
    return [0]


def load_reward(
    folder: ModelFolder,
    labels: Sequence[str],
    sign: int,
    device: Device,
    output: Output = "logit",
) -> RewardModel:
    """The reward model (or judge) in `folder`, of whichever kind its config names.

    Raises:
        InputError: as `check_reward`, or the folder holds no whole model.
        MissingEnvironment: a package that it needs is not installed.
    """
    indices = check_reward(folder, labels, output)
    if is_own(folder.config()):
        try:
            return ClassifierReward(load_classifier(Path(folder.path)), sign, output)
        except ValueError as error:
            raise InputError(str(error), key=folder.key) from error
    loaded = load_pretrained(folder, "classifier", device.frozen_dtype or torch.float32)
    names = class_labels(folder)
    multi_label = folder.config().get("problem_type") == "multi_label_classification"
    chosen = ClassOutput(output, tuple(indices), multi_label=multi_label or len(names) == 1)
    settings = classifier_settings(
        loaded.tokenizer, loaded.model, names, indices, chosen.description
    )
    model = TransformersReward(loaded.model, loaded.tokenizer, chosen, sign, device, settings)
    model.check(folder)
    return model


def is_own(config: Mapping[str, Any]) -> bool:
    """Whether it is the config of one of Averse's classifiers."""
    return str(config.get("architecture", "")).startswith("averse-")


def settings_of(model: object) -> Mapping[str, str]:
    """The settings in a model's files, and what is done with them."""
    return model.settings if isinstance(model, TransformersReward) else {}
