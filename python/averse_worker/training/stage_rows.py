"""Rows of a data set as each kind of stage learns from them."""

from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from averse_worker.data.builtin import Split
from averse_worker.data.rows import Message, Row, conversation_text
from averse_worker.data.sources import Data
from averse_worker.data.templates import ChatTemplate, left_out_error
from averse_worker.training.classifier import Labelled
from averse_worker.training.reward_model import Pair, PairForm
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.data import BuiltinPlace, DataSource


def content(data: Data) -> list[Any]:
    """All that is learned from, and nothing of where it lies: for digests."""
    return [
        [
            (
                (row.text, row.completion, row.messages, row.label, row.good),
                (row.chosen, row.rejected, row.answer, row.tools),
            )
            for row in data.rows[split]
        ]
        for split in data.rows
    ]


def language_texts(data: Data, source: DataSource, split: Split, key: str) -> list[str]:
    """Whole texts: prompts with their completions, and what is said in conversations; of the
    built-in data its good texts.

    Args:
        key: config key of the data, for errors.

    Raises:
        InputError: a conversation has tools or calls, which are not said.
    """
    if all(isinstance(part.place, BuiltinPlace) for part in source.parts):
        return [text for text in data.good[split] if isinstance(text, str)]
    return [_whole(row, key) for row in data.rows[split]]


def labelled_texts(data: Data, source: DataSource, split: Split, key: str) -> list[Labelled]:
    """Texts with their labels; with `good` in the source, these are good and bad.

    Raises:
        InputError: a row has no label.
    """
    by_rule = any(part.good is not None for part in source.parts)
    found = []
    for row in data.rows[split]:
        if by_rule:
            found.append(Labelled(row.text, ("good" if row.good else "bad",)))
            continue
        if row.label is None:
            raise InputError(
                f"{row.place}: has no label; name the column with it in {key}.columns, as in "
                "{text: NAME, label: NAME}, or leave such rows out with a filter",
                key=f"{key}.columns",
            )
        several = isinstance(row.label, list)
        names: Sequence[Any] = row.label if isinstance(row.label, list) else [row.label]
        found.append(Labelled(row.text, tuple(map(_name, names)), multiple=several))
    return found


def preference_pairs(
    data: Data, split: Split, tokenizer: PreTrainedTokenizerBase, key: str
) -> list[Pair]:
    """Pairs of whole texts; conversations by the tokenizer's chat template, where it has one.

    Args:
        key: config key of the data, for errors.

    Raises:
        InputError: a conversation has tools, and no template writes them.
    """
    chat = ChatTemplate(tokenizer, "the base model's", f"{key}.template")

    def told(row: Row, answer: Any) -> str:
        if isinstance(answer, str):
            if row.messages is None:
                return row.text + answer
            answer = ({"role": "assistant", "content": answer},)
        said = [*(row.messages or ()), *answer]
        if not tokenizer.chat_template:
            _require_all_said(row, said, "no chat template writes", key)
            before = f"{row.text}\n\n" if row.messages is None and row.text else ""
            return before + conversation_text(said)
        if row.messages is None and row.text:
            said = [{"role": "user", "content": row.text}, *said]
        rendered: str = chat.write(said, row.tools, row.place, tokenize=False)
        return rendered

    pairs = []
    for row in data.rows[split]:
        spoken = row.messages is not None or not isinstance(row.chosen, str)
        form: PairForm = "prompted" if row.text and not spoken else "text"
        if spoken and tokenizer.chat_template:
            form = "rendered"
        pairs.append(Pair(told(row, row.chosen), told(row, row.rejected), form))
    return pairs


def preference_texts(data: Data) -> list[str]:
    """What is written in the training pairs, for a tokenizer."""
    found = []
    for row in data.rows["train"]:
        for answer in (row.chosen, row.rejected):
            said = answer if isinstance(answer, str) else conversation_text(answer or ())
            found.append(f"{row.text}{said}")
    return found


def _whole(row: Row, key: str) -> str:
    if row.messages is None:
        return row.text if row.completion is None else row.text + row.completion
    said = row.messages if row.answer is None else (*row.messages, row.answer)
    # Its text is what is said, whatever template its model has.
    remedy = f"leave them out of the data ({key}.columns)"
    _require_all_said(row, said, "a language model's text does not have", key, remedy)
    return conversation_text(said)


def _require_all_said(
    row: Row, messages: Sequence[Message], writer: str, key: str, remedy: str | None = None
) -> None:
    """
    Raises:
        InputError: the conversation has tools or calls, which are not said.
    """
    calls = any("tool_calls" in one for one in messages)
    if row.tools or calls:
        what = "tools" if row.tools else "tool calls"
        raise left_out_error(what, row.place, writer, f"{key}.template", remedy)


def _name(label: Any) -> str:
    if isinstance(label, bool):
        return str(label).lower()
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)
