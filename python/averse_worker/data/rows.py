"""Rows: what a record becomes once it is known which of its columns hold what."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from averse_worker.data.arrow import own_fields
from averse_worker.data.columns import (
    ABSENT,
    checked_messages,
    checked_text,
    checked_tools,
    column_names,
    is_missing,
    listed,
    messages_in,
    missing,
    value_at,
)
from averse_worker.data.table import Record
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.data import Scalar

Message = dict[str, Any]
"""with role and content"""

Tool = dict[str, Any]
"""a JSON schema"""

Use = Literal["prompts", "labels", "preferences"]
"""what rows are for: prompts and fine-tuning, a classifier, or a reward model"""

STAGE_USES: Final[Mapping[str, Use]] = {
    "language_model": "prompts",
    "classifier": "labels",
    "reward_model": "preferences",
}
"""by kind of the stage that learns from them"""

_FORMS: Final[Mapping[Use, Sequence[str]]] = {
    "prompts": ("text", "prompt", "messages"),
    "labels": ("text",),
    "preferences": ("chosen",),
}
_WANTED: Final[Mapping[Use, str]] = {
    "prompts": '"text" (or "prompt", or "messages")',
    "labels": '"text"',
    "preferences": '"chosen"',
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a data set."""

    id: int
    text: str
    """running text; a prompt; or the contents of a conversation, a paragraph each"""
    good: bool
    """of the good class: fit for fine-tuning"""
    origin: str
    """file or data set"""
    line: int = 0
    """in it, from 1; 0: it has none"""
    markers: bool = False
    """whether control tokens written in `text` are control tokens"""
    completion: str | None = None
    """what should follow the prompt"""
    messages: tuple[Message, ...] | None = None
    """the conversation that is the prompt"""
    chosen: str | tuple[Message, ...] | None = None
    """of a preference: the better answer (after the prompt, where there is one)"""
    rejected: str | tuple[Message, ...] | None = None
    answer: Message | None = None
    """of a conversation: the message with the completion, and all that it has besides"""
    tools: tuple[Tool, ...] | None = None
    """of a conversation: what the assistant may call; None: nothing"""
    label: Scalar | list[Scalar] | None = None
    extras: str = ""
    """all columns but text, prompt, completion and messages, as a JSON object; empty: none"""

    @property
    def place(self) -> str:
        """Where it came from, for messages."""
        return f"{self.origin}:{self.line}" if self.line else self.origin

    @property
    def key(self) -> str:
        """Equal for rows with the same prompt; of a preference without one, its better answer."""
        prompt: str | Sequence[Message] = self.text if self.messages is None else self.messages
        if prompt == "" and self.chosen is not None:
            prompt = _beginning(self.chosen, self.rejected)
        if isinstance(prompt, str):
            return prompt
        if self.tools is None and not any("tool_calls" in one for one in prompt):
            return json.dumps(_spoken(prompt))
        return json.dumps([self.tools, list(prompt)], default=str)

    @property
    def columns(self) -> dict[str, Any]:
        """The extra columns."""
        return json.loads(self.extras) if self.extras else {}


def conversation_text(messages: Sequence[Message]) -> str:
    """What is said, without who says it: a paragraph per message."""
    return "\n\n".join(one["content"] for one in messages if one["content"].strip())


def _beginning(
    chosen: str | tuple[Message, ...], rejected: str | tuple[Message, ...] | None
) -> str | Sequence[Message]:
    """The messages that both answers begin with, which are their prompt; else the better answer."""
    if isinstance(chosen, str) or not isinstance(rejected, tuple):
        return chosen
    both = zip(chosen, rejected, strict=False)
    common = [one for one, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], both)]
    return common or chosen


class RowReader:
    """Rows of one table's records."""

    def __init__(
        self,
        columns: Mapping[str, str] | None,
        use: Use,
        origin: str,
        key: str,
        *,
        wraps: bool,
    ) -> None:
        """
        Args:
            columns: role → column; None: those that are called so.
            key: config key of the data.
            wraps: whether plain prompts become a user's message.
        """
        self._columns = None if columns is None else dict(columns)
        self._use = use
        self._origin = origin
        self._key = key
        self._wraps = wraps
        self.others: dict[str, None] = {}
        """columns that some row has besides those of its text, in their order"""

    def label_column(self, columns: Mapping[str, Any]) -> str | None:
        """The column with the class; None: there is none."""
        if self._columns is not None and "label" in self._columns:
            return self._columns["label"]
        return "label" if self._columns is None and "label" in columns else None

    def row(self, record: Record, id: int, good: bool | None) -> Row:
        """
        Args:
            good: None: the row has no label.

        Raises:
            InputError: a column is missing or holds no text; names the line.
        """
        place = f"{self._origin}:{record.line}"
        path = f"{self._key}.path"
        roles = self._roles(record, place)
        named: dict[str, Any] = {}
        for role, name in roles.items():
            value = value_at(record.columns, name)
            if value is ABSENT:
                named_here = self._columns is not None and role in self._columns
                key = f"{self._key}.columns.{role}" if named_here else f"{self._key}.columns"
                raise missing(name, record.columns, place, key)
            value = own_fields(value)
            plain = role in ("text", "label", "tools")
            named[role] = value if plain else messages_in(value, name, place, path)
        used = {
            roles[role] for role in ("text", "prompt", "completion", "messages") if role in roles
        }
        extras = {
            name: own_fields(value) if name == roles.get("tools") else value
            for name, value in record.columns.items()
            if name not in used
        }
        self.others |= dict.fromkeys(extras)
        common: dict[str, Any] = {
            "id": id,
            "origin": self._origin,
            "line": record.line,
            "label": None if is_missing(label := named.get("label")) else label,
            "extras": json.dumps(extras, default=str, separators=(",", ":")) if extras else "",
        }
        if self._use == "preferences":
            return Row(good=bool(good), **common, **self._preference(named, roles, place, path))
        if "text" in named:
            self._tools(named, roles, place, spoken=False)
            text = checked_text(named["text"], roles["text"], place, path)
            return Row(text=text, good=bool(good), **common)
        return self._prompt(named, roles, place, path, good, common)

    def _roles(self, record: Record, place: str) -> dict[str, str]:
        """Role → column, of this record."""
        forms = _FORMS[self._use]
        if self._columns is not None:
            if any(form in self._columns for form in forms):
                return self._columns
            guessed = {form: form for form in forms if form in record.columns}
            if guessed:
                return {next(iter(guessed)): next(iter(guessed))} | self._columns
        for form in forms:
            if form in record.columns:
                beside = [form, *_BESIDE[form], "label", "tools"]
                return {name: name for name in beside if name in record.columns}
        there = listed(column_names(record.columns)) or "nothing"
        raise InputError(
            f"{place}: {_WANTED[self._use]} is missing; the columns are {there}: name the one "
            f"with the text in {self._key}.columns, as in {{{forms[0]}: NAME}}",
            key=f"{self._key}.path",
        )

    def _prompt(
        self,
        named: Mapping[str, Any],
        roles: Mapping[str, str],
        place: str,
        path: str,
        good: bool | None,
        common: Mapping[str, Any],
    ) -> Row:
        role = "prompt" if "prompt" in named else "messages"
        value = named[role]
        completion = named.get("completion")
        if role == "prompt" and not isinstance(value, list):
            prompt = checked_text(value, roles[role], place, path)
            if not self._wraps:
                answer = None
                if completion is not None:
                    answer = checked_text(completion, roles["completion"], place, path)
                # What should follow is a demonstration, unless its label says otherwise.
                shows = answer is not None and good is not False
                self._tools(named, roles, place, spoken=False)
                return Row(text=prompt, good=shows, markers=True, completion=answer, **common)
            messages = [{"role": "user", "content": prompt}]
        else:
            messages = checked_messages(value, roles[role], place, path)
        if isinstance(completion, list):
            messages += checked_messages(completion, roles["completion"], place, path)
        elif completion is not None:
            answer = checked_text(completion, roles["completion"], place, path)
            messages.append({"role": "assistant", "content": answer})
        last = messages.pop() if messages[-1]["role"] == "assistant" else None
        if not any(one["role"] != "system" for one in messages):
            raise InputError(
                f'{place}: "{roles[role]}" has no message before the assistant\'s; expected one of '
                "a user",
                key=path,
            )
        return Row(
            text=conversation_text(messages),
            good=last is not None and good is not False,
            completion=None if last is None else last["content"],
            messages=tuple(messages),
            answer=last,
            tools=self._tools(named, roles, place, spoken=True),
            **common,
        )

    def _tools(
        self, named: Mapping[str, Any], roles: Mapping[str, str], place: str, *, spoken: bool
    ) -> tuple[Tool, ...] | None:
        """
        Args:
            spoken: whether the row is a conversation, which a chat template writes.

        Raises:
            InputError: they are no tools, or named for what no template writes.
        """
        if "tools" not in named:
            return None
        key = f"{self._key}.columns"
        if spoken:
            return tuple(checked_tools(named["tools"], roles["tools"], place, key)) or None
        if self._columns is not None and not is_missing(named["tools"]):
            raise InputError(
                f"{place}: {key}.tools names {roles['tools']!r}, but the row is no conversation; "
                "a chat template writes the tools, of rows with messages or a prompt of messages",
                key=f"{key}.tools",
            )
        return None

    def _preference(
        self, named: Mapping[str, Any], roles: Mapping[str, str], place: str, path: str
    ) -> dict[str, Any]:
        if "rejected" not in named:
            raise InputError(
                f'{place}: "rejected" is missing; expected a better and a worse answer',
                key=f"{self._key}.columns",
            )

        def read(role: str) -> str | tuple[Message, ...]:
            value = named[role]
            if isinstance(value, list):
                return tuple(checked_messages(value, roles[role], place, path))
            return checked_text(value, roles[role], place, path)

        prompt = read("prompt") if "prompt" in named else ""
        found: dict[str, Any] = {"chosen": read("chosen"), "rejected": read("rejected")}
        spoken = any(isinstance(one, tuple) for one in (prompt, *found.values()))
        tools = self._tools(named, roles, place, spoken=spoken)
        if prompt and self._repeated(prompt, found, roles, place, path):
            prompt = ""
        if isinstance(prompt, str):
            return {"text": prompt, "markers": True, "tools": tools} | found
        return {"text": conversation_text(prompt), "messages": prompt, "tools": tools} | found

    def _repeated(
        self,
        prompt: str | tuple[Message, ...],
        answers: Mapping[str, str | tuple[Message, ...]],
        roles: Mapping[str, str],
        place: str,
        path: str,
    ) -> bool:
        """Whether both answers are whole conversations that begin with the prompt, as UltraFeedback
        has them.

        Raises:
            InputError: before an answer a user says something else than the prompt.
        """
        asked = [("user", prompt)] if isinstance(prompt, str) else _spoken(prompt)
        if all(_begins(answer, asked) for answer in answers.values()):
            return True
        for role, answer in answers.items():
            said = [] if isinstance(answer, str) else _spoken(answer)
            if asked[-1][0] == "user" and any(who == "user" for who, _ in said[:2]):
                raise InputError(
                    f'{place}: "{roles[role]}" has a message of the user before the answer; '
                    f'expected the answer to "{roles["prompt"]}" alone, or in both answers the '
                    f"prompt's messages and then the answer; or leave the prompt out of "
                    f"{self._key}.columns",
                    key=path,
                )
        return False


def _spoken(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [(one["role"], one["content"]) for one in messages]


def _begins(answer: str | tuple[Message, ...], asked: list[tuple[str, str]]) -> bool:
    """Whether an answer is a conversation that begins with what was asked, perhaps after a system
    message that the prompt's column leaves out."""
    if isinstance(answer, str):
        return False
    said = _spoken(answer)
    if said[0][0] == "system" and asked[0][0] != "system":
        said = said[1:]
    return said[: len(asked)] == asked


_BESIDE: Final[Mapping[str, Sequence[str]]] = {
    "text": (),
    "prompt": ("completion",),
    "messages": (),
    "chosen": ("rejected", "prompt"),
}
