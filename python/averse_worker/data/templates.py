"""Chat templates: from a conversation to the tokens that a policy is given.

Control tokens that a message merely spells are encoded as words (transformers'
`sanitize_control_tokens`): nobody ends a turn, or speaks as the system, by writing so.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from averse_worker.data.rows import Message, Row, Tool
from averse_worker.platform.files import file_digest
from averse_worker.wire.errors import InputError

OWN: Final = "policy.model"
"""name of a template that the model brings along"""


def left_out_error(
    what: str, place: str, writer: str, key: str, remedy: str | None = None
) -> InputError:
    """A conversation has tools or calls, and what is read of it has none.

    Args:
        writer: who does not write them.
        key: config key of the template, for errors.
        remedy: None: of the data's template.
    """
    if remedy is None:
        data = key.removesuffix(".template")
        remedy = (
            f"name a Jinja file that does in {key}, use a model whose template does, or leave the "
            f"{what} out of the data ({data}.columns)"
        )
    return InputError(f"{place}: has {what}, but {writer} them; {remedy}", key=key)


class ConversationRefusedError(InputError):
    """The template has raised: others may be written."""


class ChatTemplate:
    """A template and the tokenizer that it writes for.

    `apply_chat_template` says nothing where a template leaves out the tools of a conversation, or
    the calls in it. Such a template is refused here, with the first conversation that has them.
    """

    def __init__(self, tokenizer: Any, name: str, key: str, remedy: str | None = None) -> None:
        """
        Args:
            name: whose template it is: `policy.model`, for example, or the path of a file.
            key: config key of the template, for errors.
            remedy: what else to do than to name another file there; None: of the data's template.
        """
        self._tokenizer = tokenizer
        self._key = key
        self._remedy = remedy
        self._checked: set[str] = set()
        self.name = name

    def write(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        place: str,
        **options: Any,
    ) -> Any:
        """The conversation, as `apply_chat_template` writes it.

        Args:
            tools: what the assistant may call.
            place: where the conversation came from, for errors.
            options: of `apply_chat_template`.

        Raises:
            ConversationRefusedError
            InputError: the template leaves out the conversation's tools or calls.
        """
        said = [dict(one) for one in messages]
        given = {"tools": [dict(one) for one in tools] if tools else None, "return_dict": False}
        try:
            found = self._tokenizer.apply_chat_template(said, **given, **options)
        except (TemplateError, TypeError, ValueError) as error:
            words = " ".join(str(error).split())[:200]
            raise ConversationRefusedError(
                f"{place}: the chat template ({self.name}) refuses this conversation: {words}; "
                f"{self._remedy or f'fix the row, or name another template in {self._key}'}",
                key=self._key,
            ) from error
        silent = [{name: one[name] for name in one if name != "tool_calls"} for one in said]
        if tools:
            self._require_written("tools", place, (said, given), (said, {**given, "tools": None}))
        if silent != said:
            self._require_written("tool calls", place, (said, given), (silent, given))
        return found

    def _require_written(
        self, what: str, place: str, whole: tuple[Any, Any], without: tuple[Any, Any]
    ) -> None:
        """
        Args:
            whole, without: a conversation with and without what has to be written.
        """
        if what in self._checked:
            return

        def written(conversation: tuple[Any, Any]) -> Any:
            said, given = conversation
            return self._tokenizer.apply_chat_template(said, tokenize=False, **given)

        try:
            left_out = written(whole) == written(without)
        except (TemplateError, TypeError, ValueError):  # it needs them
            left_out = False
        if left_out:
            writer = f"the chat template ({self.name}) does not write"
            raise left_out_error(what, place, writer, self._key, self._remedy)
        self._checked.add(what)

    def tokens(
        self, messages: Sequence[Message], place: str, tools: Sequence[Tool] | None = None
    ) -> list[int]:
        """The conversation, and the beginning of the assistant's answer to it.

        Args:
            tools: what the assistant may call.
            place: where the conversation came from, for errors.

        Raises:
            InputError: as `write`.
        """
        begun = {"add_generation_prompt": True, "sanitize_control_tokens": True}
        return list(self.write(messages, tools, place, **begun))

    def cut(self, row: Row, limit: int, side: str) -> list[int]:
        """The tokens of a conversation that is too long, at most `limit`.

        `start` leaves out the oldest messages but the system's, and then the beginning of the last
        one; `end` the end of the last one. The template's own tokens always stay.

        Raises:
            InputError: the rest of the conversation alone is too long.
        """
        assert row.messages is not None
        messages = list(row.messages)
        system = [one for one in messages if one["role"] == "system"]
        rest = [one for one in messages if one["role"] != "system"]
        while side == "start" and len(rest) > 1:
            rest = rest[1:]
            # An answer, or what a call has found, is nothing without what it answers.
            while rest[0]["role"] in ("assistant", "tool") and len(rest) > 1:
                rest = rest[1:]
            found = self.tokens([*system, *rest], row.place, row.tools)
            if len(found) <= limit:
                return found
        last = rest[-1]
        content = last["content"]

        def cut_to(count: int) -> list[int]:
            kept = content[len(content) - count :] if side == "start" else content[:count]
            said = [*system, *rest[:-1], last | {"content": kept}]
            return self.tokens(said, row.place, row.tools)

        low, high = 0, len(content)
        while high - low > 1:
            middle = (low + high) // 2
            if len(cut_to(middle)) <= limit:
                low = middle
            else:
                high = middle
        found = cut_to(low) if low else []
        if not found or len(found) > limit:
            truncate = f"{self._key.removesuffix('.template')}.truncate"
            raise InputError(
                f"{row.place}: the conversation has more than rollout.prompt_tokens ({limit}) "
                f"tokens without its last message; raise it, or set {truncate} to "
                f"{'drop' if side == 'start' else 'start or drop'}",
                key="rollout.prompt_tokens",
            )
        return found


def open_template(
    tokenizers: Sequence[PreTrainedTokenizerBase],
    setting: str,
    rows: Sequence[Row],
    key: str = "data",
) -> ChatTemplate | None:
    """The template that renders the conversations among `rows`; None: there are none.

    Args:
        tokenizers: the one that encodes, and others that get the template of a file, too.
        setting: auto, none, or the path of a Jinja file.

    Raises:
        InputError: conversations have no template, or the file cannot be read.
    """
    first = next((row for row in rows if row.messages is not None), None)
    if setting not in ("auto", "none"):
        written = _read(setting, key)
        for tokenizer in tokenizers:
            tokenizer.chat_template = written
    if first is None:
        return None
    if setting == "none":
        raise InputError(
            f"{first.place}: is a conversation, but {key}.template is none; set it to auto or to a "
            f"Jinja file, or name a column with plain text in {key}.columns",
            key=f"{key}.template",
        )
    if not tokenizers[0].chat_template:
        raise InputError(
            f"{first.place}: is a conversation, but the policy's tokenizer has no chat template; "
            f"name a Jinja file in {key}.template, or use a model with one",
            key=f"{key}.template",
        )
    return ChatTemplate(tokenizers[0], OWN if setting == "auto" else setting, f"{key}.template")


def template_digest(setting: str, key: str) -> dict[str, str]:
    """Name and SHA-256 of a template's file; empty: the setting names none.

    Raises:
        InputError: it cannot be read.
    """
    if setting in ("auto", "none"):
        return {}
    _read(setting, key)
    return {Path(setting).name: file_digest(Path(setting).expanduser())}


def _read(path: str, key: str) -> str:
    try:
        return Path(path).expanduser().read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read as a template ({type(error).__name__}); expected a Jinja file "
            "in UTF-8",
            key=f"{key}.template",
        ) from error
