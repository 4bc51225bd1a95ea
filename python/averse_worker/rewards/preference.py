"""A reward model trained on preference pairs: one output, read off a conversation or a text."""

from collections.abc import Sequence
from typing import Any, Final

from averse_worker.data.templates import ChatTemplate, ConversationRefusedError
from averse_worker.models.declared import check_classifier, class_labels
from averse_worker.models.folder import ModelFolder
from averse_worker.platform.device import Device
from averse_worker.rewards.classifier import TransformersReward, is_own, load_reward
from averse_worker.rewards.contract import Scores
from averse_worker.rewards.scored_text import Reading, ScoredText
from averse_worker.wire.errors import InputError


class PreferenceReward:
    """Sign × the output of a reward model.

    With a chat template, an episode is the prompt's conversation, or running text as the user's
    message, and the assistant's completion; a prompt alone is without that. Of `text: completion`
    the completion is read as running text.
    """

    batch: Final = TransformersReward.batch

    def __init__(self, model: TransformersReward, tokenizer: Any, text: Reading, key: str) -> None:
        """`key`: config key of the model, for errors."""
        self._model = model
        self._tokenizer = tokenizer
        self._text: Reading = text
        self._chat = tokenizer.chat_template is not None and text == "whole"
        self._template = ChatTemplate(
            tokenizer,
            f"of {key}",
            key,
            "use a reward model with another template, or set "
            f"{key.rpartition('.')[0]}.text to completion",
        )

    @property
    def model(self) -> TransformersReward:
        """What gives the output."""
        return self._model

    def score_pairs(self, texts: Sequence[ScoredText]) -> Scores:
        """One forward pass.

        Raises:
            InputError: the template leaves out an episode's tools or calls.
            ValueError: a text is too long, or the template refuses it.
        """
        if not self._chat:
            return Scores(self._model.score([text.read(self._text) for text in texts]))
        try:
            rows = [self._cut(self._conversation(text), text) for text in texts]
        except ConversationRefusedError as error:
            raise ValueError(error.message) from error  # of one text, which has no score then
        return Scores(self._model.score_tokens(rows))

    def _cut(self, ids: list[int], text: ScoredText) -> list[int]:
        """At most the window; the beginning is lost.

        Raises:
            ValueError: the completion alone is longer.
        """
        if len(ids) > self._model.window and not text.alone:
            self._model.require_completion_fits(text.pair("whole")[1])
        return ids[-self._model.window :]

    def _conversation(self, text: ScoredText) -> list[int]:
        prompt, completion = text.pair("whole")
        messages = list(text.messages or [{"role": "user", "content": prompt}])
        if not text.alone:
            messages.append({"role": "assistant", "content": completion})
        place = "an episode's conversation"
        said = [message["content"] for message in messages]
        if not any(control in words for control in self._model.controls for words in said):
            whole: str = self._template.write(messages, text.tools, place, tokenize=False)
            ids: list[int] = self._tokenizer(whole, add_special_tokens=False).input_ids
            return ids
        # Words that spell a control token stay words: the template around them, piece by piece.
        marks = [f"\ue000{i}\ue001" if words else "" for i, words in enumerate(said)]
        blank = [{**one, "content": mark} for one, mark in zip(messages, marks, strict=True)]
        rest: str = self._template.write(blank, text.tools, place, tokenize=False)
        found: list[int] = []
        for mark, message in zip(marks, messages, strict=True):
            if not mark:
                continue
            before, _, rest = rest.partition(mark)
            found += self._tokenizer(before, add_special_tokens=False).input_ids
            words = {"add_special_tokens": False, "split_special_tokens": True}
            found += self._tokenizer(message["content"], **words).input_ids
        return [*found, *self._tokenizer(rest, add_special_tokens=False).input_ids]


def check_preference(folder: ModelFolder) -> None:
    """Refuses what is no sequence classifier with one output; reads no weights.

    Raises:
        InputError
        MissingEnvironment: a package that its tokenizer needs is not installed.
    """
    if is_own(folder.config()):
        return
    names = class_labels(folder)
    if len(names) != 1:
        raise folder.wrong(
            f"has {len(names)} outputs; a preference reward model has one: use the kind classifier"
        )
    check_classifier(folder, (), "logit")


def load_preference(
    folder: ModelFolder, sign: int, device: Device, text: Reading
) -> PreferenceReward:
    """The reward model in `folder`.

    Raises:
        InputError: as `check_preference`, or the folder holds no whole model.
    """
    check_preference(folder)
    model = load_reward(folder, (), sign, device)
    if not isinstance(model, TransformersReward):
        raise InputError(
            f"{folder.path}: is one of Averse's own classifiers; use the kind classifier",
            key=folder.key,
        )
    return PreferenceReward(model, model.tokenizer, text, folder.key)
