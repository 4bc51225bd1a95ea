"""What a record's columns hold: texts, messages and tools."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from averse_worker.data.unique_keys import UNIQUE_KEYS, RepeatedKeyError
from averse_worker.wire.errors import InputError

SHOWN: Final = 60
"""characters of a wrong value in a message"""
LISTED: Final = 12
"""columns or labels in a message"""

ABSENT: Final = object()
"""what a record has in a column that is not there"""

_LIST_OF_MESSAGES: Final = re.compile(r"""\s*\[\s*\{\s*["'](role|content)["']\s*:""")
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")


def value_at(columns: Mapping[str, Any], name: str) -> Any:
    """The value of a column; dots lead into nested ones, where no column has the whole name."""
    if name in columns:
        return columns[name]
    first, dot, rest = name.partition(".")
    inner = columns.get(first)
    if dot and isinstance(inner, Mapping):
        return value_at(inner, rest)
    return ABSENT


def missing(name: str, columns: Mapping[str, Any], place: str, key: str) -> InputError:
    """There is no such column: which there are, and the nearest."""
    there = list(column_names(columns))
    near = difflib.get_close_matches(name, there, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return InputError(
        f"{place}: there is no column {name!r}; the columns are {listed(there)}{meant}", key=key
    )


def column_names(columns: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    """As they may be written: nested ones with dots."""
    for name, value in columns.items():
        if isinstance(value, Mapping) and value:
            yield from column_names(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def listed(names: Iterable[str]) -> str:
    """The first of the names, for a message."""
    names = list(names)
    shown = ", ".join(names[:LISTED])
    return f"{shown}, …" if len(names) > LISTED else shown


def shown(value: Any) -> str:
    """A value for a message: ASCII, and short."""
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def checked_text(value: Any, name: str, place: str, key: str) -> str:
    """A column's text as it is.

    Raises:
        InputError: it is no text, blank, or holds half of a surrogate pair.
    """
    if isinstance(value, Mapping):
        inner = listed([f"{name}.{one}" for one in value])
        raise InputError(
            f'{place}: "{name}" has fields of its own ({inner}); name one of them in data.columns',
            key=key,
        )
    if not isinstance(value, str) or not value.strip():
        raise InputError(
            f'{place}: "{name}" is {shown(value)}, expected a string that is not blank', key=key
        )
    if half := _HALF_PAIR.search(value):
        raise InputError(
            f'{place}: "{name}" has half of a surrogate pair, \\u{ord(half[0]):04x}, at character '
            f"{half.start() + 1} (a truncated emoji); fix or remove the row",
            key=key,
        )
    return value


def is_missing(value: Any) -> bool:
    """Whether a table has nothing here: null, an empty field, or NaN, which a column of numbers has
    in its place."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def messages_in(value: Any, name: str, place: str, key: str) -> Any:
    """A list of messages where a table without lists, such as a CSV file, has it as JSON; any other
    value as it is.

    Raises:
        InputError: it is written as Python prints it, or has a key twice.
    """
    if not isinstance(value, str) or not _LIST_OF_MESSAGES.match(value):
        return value
    found = _from_json(value, name, place, key)
    if found is value:
        raise InputError(
            f'{place}: "{name}" is a list of messages, but not as JSON: {shown(value)}; save the '
            "file as JSON lines or Parquet, which have lists",
            key=key,
        )
    return found


def _from_json(value: Any, name: str, place: str, key: str) -> Any:
    """What a text has as JSON; a text that is none, and any other value, as it is.

    Raises:
        InputError: it has a key twice.
    """
    if not isinstance(value, str):
        return value
    try:
        return UNIQUE_KEYS.decode(value)
    except RepeatedKeyError as error:
        raise InputError(f'{place}: "{name}" {error}', key=key) from error
    except (ValueError, RecursionError):
        return value


def checked_messages(value: Any, name: str, place: str, key: str) -> list[dict[str, Any]]:
    """A conversation: messages with a role and a text, of which no field may be lost.

    Raises:
        InputError: it is none.
    """
    value = _from_json(value, name, place, key)
    if not isinstance(value, list) or not value:
        raise InputError(
            f'{place}: "{name}" is {shown(value)}, expected a list of messages like '
            '{"role": "user", "content": "…"}',
            key=key,
        )
    messages = []
    for number, message in enumerate(value, 1):
        role = message.get("role") if isinstance(message, Mapping) else None
        if not isinstance(role, str) or not role:
            raise InputError(
                f'{place}: message {number} of "{name}" is {shown(message)}, expected '
                '{"role": "user", "content": "…"}',
                key=key,
            )
        content = message.get("content")
        calls = bool(message.get("tool_calls"))
        if content is None and calls:
            content = ""
        if not isinstance(content, str):
            raise InputError(
                f'{place}: message {number} of "{name}" has the content '
                f"{shown(content)}, expected a text (only texts are supported)",
                key=key,
            )
        if content.strip():
            checked_text(content, f"{name}.content", place, key)
        elif role not in ("system", "tool") and not calls:
            raise InputError(f'{place}: message {number} of "{name}" is blank', key=key)
        # Tables fill the fields that some messages have in all others with nothing.
        own = {field: one for field, one in message.items() if one is not None}
        messages.append(own | {"content": content})
    return messages


def checked_tools(value: Any, name: str, place: str, key: str) -> list[dict[str, Any]]:
    """The tools that a conversation may call, as `apply_chat_template` takes them: JSON schemas, in
    a list or as its JSON; empty: there are none.

    Raises:
        InputError: they are something else.
    """
    if is_missing(value):
        return []
    value = _from_json(value, name, place, key)
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise InputError(
            f'{place}: "{name}" is {shown(value)}, expected a list of tools like '
            '{"type": "function", "function": {"name": "…", "parameters": {…}}}, or the same as '
            "JSON; where it is something else, give it another name",
            key=key,
        )
    filled = _null_in(value, name)
    if filled is not None:
        raise InputError(
            f"{place}: {filled} is null, which no JSON schema has there; leave such fields out (a "
            "table that is exported as JSON writes them)",
            key=key,
        )
    return [dict(one) for one in value]


def _null_in(value: Any, name: str) -> str | None:
    """The first field of a schema that is null where a value is described, not given."""
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    for part, inner in parts:
        if part in ("default", "const", "enum", "examples") and inner is not None:
            continue
        if inner is None and part not in ("default", "const"):
            return f"{name}.{part}"
        if found := _null_in(inner, f"{name}.{part}"):
            return found
    return None
