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


class TemplateTools:
    """The tools of conversations, for `apply_chat_template`, which says nothing where a template
    leaves them out."""

    def __init__(self, tokenizer: Any, name: str, remedy: str, key: str) -> None:
        """
        Args:
            name: whose template it is, for errors.
            remedy: what to do about one without tools.
            key: config key, for errors.
        """
        self._tokenizer = tokenizer
        self._name = name
        self._remedy = remedy
        self._key = key
        self._written = False

    def of(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        place: str,
    ) -> list[dict[str, Any]] | None:
        """The tools of a conversation; None: it has none.

        Args:
            place: where the conversation came from, for errors.

        Raises:
            InputError: the template writes the first conversation that has tools as if it had none.
        """
        if not tools:
            return None
        found = [dict(one) for one in tools]
        if not self._written and self._leaves_out(messages, found):
            raise InputError(
                f"{place}: has tools, but the chat template ({self._name}) does not write them; "
                f"{self._remedy}",
                key=self._key,
            )
        self._written = True
        return found

    def _leaves_out(
        self, messages: Sequence[Mapping[str, Any]], tools: list[dict[str, Any]]
    ) -> bool:
        said = [dict(one) for one in messages]
        found = self._tokenizer.apply_chat_template(said, tools=tools, tokenize=False)
        try:
            without = self._tokenizer.apply_chat_template(said, tokenize=False)
        except (TemplateError, TypeError, ValueError):  # it needs them
            return False
        return bool(found == without)


class ChatTemplate:
    """A template and the tokenizer that it writes for."""

    def __init__(self, tokenizer: Any, name: str, key: str) -> None:
        """
        Args:
            name: `policy.model`, or the path of the file.
            key: config key of the data, for errors.
        """
        self._tokenizer = tokenizer
        self._key = key
        self._tools = TemplateTools(
            tokenizer,
            name,
            f"name a Jinja file that does in {key}.template, use a model whose template does, or "
            f"name the columns without the tools in {key}.columns",
            f"{key}.template",
        )
        self.name = name

    def tokens(
        self, messages: Sequence[Message], place: str, tools: Sequence[Tool] | None = None
    ) -> list[int]:
        """The conversation, and the beginning of the assistant's answer to it.

        Args:
            tools: what the assistant may call.
            place: where the conversation came from, for errors.

        Raises:
            InputError: the template refuses the conversation, or does not write its tools.
        """
        try:
            found = self._tokenizer.apply_chat_template(
                [dict(message) for message in messages],
                tools=self._tools.of(messages, tools, place),
                add_generation_prompt=True,
                sanitize_control_tokens=True,
                return_dict=False,
            )
        except (TemplateError, TypeError, ValueError) as error:
            words = " ".join(str(error).split())[:200]
            raise InputError(
                f"{place}: the chat template ({self.name}) refuses this conversation: {words}; fix "
                f"the row, or name another template in {self._key}.template",
                key=f"{self._key}.template",
            ) from error
        return list(found)

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
            if rest[0]["role"] == "assistant" and len(rest) > 1:
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
            raise InputError(
                f"{row.place}: the conversation has more than rollout.prompt_tokens ({limit}) "
                "tokens without its last message; raise it, or set "
                f"{self._key}.truncate to {'drop' if side == 'start' else 'start or drop'}",
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
    return ChatTemplate(tokenizers[0], OWN if setting == "auto" else setting, key)


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
