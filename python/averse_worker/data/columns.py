"""What a record's columns say: the text in them, its class, and whether a condition holds."""

import difflib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from averse_worker.data.unique_keys import UNIQUE_KEYS, RepeatedKeyError
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.data import Condition, Scalar

SHOWN: Final = 60
"""characters of a wrong value in a message"""
LISTED: Final = 12
"""columns or labels in a message"""

ABSENT: Final = object()
"""what a record has in a column that is not there"""

_LABELS: Final = {"good": True, "bad": False, 1: True, 0: False}
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
        f"{place}: there is no column {name!r}; the columns are {_some(there)}{meant}", key=key
    )


def column_names(columns: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    """As they may be written: nested ones with dots."""
    for name, value in columns.items():
        if isinstance(value, Mapping) and value:
            yield from column_names(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _some(names: Sequence[str]) -> str:
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
        inner = _some([f"{name}.{one}" for one in value])
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
    try:
        found = _json(value, name, place, key)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f'{place}: "{name}" is a list of messages, but not as JSON: {shown(value)}; save the '
            "file as JSON lines or Parquet, which have lists",
            key=key,
        ) from error
    return found


def _json(text: str, name: str, place: str, key: str) -> Any:
    """A cell's JSON.

    Raises:
        InputError: it has a key twice.
        ValueError, RecursionError: it is no JSON.
    """
    try:
        return UNIQUE_KEYS.decode(text)
    except RepeatedKeyError as error:
        raise InputError(f'{place}: "{name}" {error}', key=key) from error


def checked_messages(value: Any, name: str, place: str, key: str) -> list[dict[str, Any]]:
    """A conversation: messages with a role and a text, of which no field may be lost.

    Raises:
        InputError: it is none.
    """
    value = messages_in(value, name, place, key)
    if isinstance(value, str):
        try:
            value = _json(value, name, place, key)
        except (ValueError, RecursionError):
            value = shown(value)
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
    if isinstance(value, str):
        try:
            value = _json(value, name, place, key)
        except (ValueError, RecursionError):
            value = shown(value)
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


class Conditions:
    """Conditions on a table's columns; all must hold."""

    def __init__(
        self, conditions: Sequence[Condition], classes: Mapping[str, Sequence[str]], key: str
    ) -> None:
        self._conditions = conditions
        self._classes = classes
        self._key = key

    def hold(self, columns: Mapping[str, Any], place: str, label: str | None = None) -> bool:
        """
        Args:
            label: the column that a condition without one is on.

        Raises:
            InputError: a column is missing, or no number where one is compared.
        """
        return all(self._holds(one, columns, place, label) for one in self._conditions)

    def _holds(
        self, condition: Condition, columns: Mapping[str, Any], place: str, label: str | None
    ) -> bool:
        name = condition.column or label
        assert name is not None
        value = value_at(columns, name)
        if value is ABSENT:
            key = self._key if condition.column else f"{self._key.rpartition('.')[0]}.columns"
            raise missing(name, columns, place, key)
        names = named_class(value, self._classes.get(name))
        if condition.values is not None and not _among(names, condition.values):
            return False
        if condition.not_values is not None and _among(names, condition.not_values):
            return False
        if condition.below is None and condition.above is None:
            return True
        number = self._number(value, name, place)
        if number is None:
            return False
        under = condition.below is None or number < condition.below
        return under and (condition.above is None or number > condition.above)

    def _number(self, value: Any, name: str, place: str) -> float | None:
        """None: there is no value, so that neither side holds."""
        if is_missing(value):
            return None
        try:
            number = float(value) if not isinstance(value, bool) else math.nan
        except (TypeError, ValueError):
            number = math.nan
        if math.isnan(number):
            raise InputError(
                f'{place}: "{name}" is {shown(value)}, expected a number to compare', key=self._key
            )
        return number


def named_class(value: Any, names: Sequence[str] | None) -> tuple[Any, ...]:
    """A value, and the name of the class that its number stands for."""
    numbered = isinstance(value, int) and not isinstance(value, bool)
    if names is not None and numbered and 0 <= value < len(names):
        return value, names[value]
    return (value,)


def _among(found: Sequence[Any], wanted: Sequence[Scalar]) -> bool:
    return any(_same(one, value) for one in found for value in wanted)


def _same(found: Any, wanted: Scalar) -> bool:
    """1, 1.0 and "1" are one value, as are true, "true" and "True": a CSV file has only texts."""
    return bool(_plain(found) == _plain(wanted))


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return shown(value)
    text = value.strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    try:
        return float(text)
    except ValueError:
        return text


class GoodClass:
    """Which rows are of the good class, and which labels were found."""

    def __init__(
        self, condition: Condition | None, classes: Mapping[str, Sequence[str]], key: str
    ) -> None:
        self._condition = condition
        self._conditions = Conditions([condition] if condition else [], classes, f"{key}.good")
        self._classes = classes
        self._key = key
        self._unknown: tuple[str, str, Any] | None = None
        self._good = 0
        self.found: Counter[str] = Counter()
        """label as it is → rows"""

    def holds(self, columns: Mapping[str, Any], label: str | None, place: str) -> bool | None:
        """None: the row has no label.

        Raises:
            InputError: the column that the good class is told by is missing.
        """
        condition = self._condition
        if condition is not None:
            name = condition.column or label or "label"
            value = value_at(columns, name)
            if value is ABSENT and condition.column is None and label is None:
                raise InputError(
                    f"{place}: {self._key}.good names labels, and no column is called 'label'; "
                    f"name theirs in {self._key}.columns.label: the columns are "
                    f"{_some(list(column_names(columns)))}",
                    key=f"{self._key}.columns",
                )
            if value is not ABSENT and condition.values is not None:
                self._count(value, name)
            good = self._conditions.hold(columns, place, name)
            self._good += good
            return good
        value = ABSENT if label is None else value_at(columns, label)
        if value is ABSENT or is_missing(value):
            return None
        assert label is not None
        self._count(value, label)
        # True and False are numbers to Python, but no labels.
        known = None if isinstance(value, bool) else _LABELS.get(_plain(value))
        if known is not None:
            return known
        self._unknown = self._unknown or (place, label, value)
        return None

    def _count(self, value: Any, name: str) -> None:
        named = named_class(value, self._classes.get(name))[-1]
        text = named if isinstance(named, str) else shown(named)
        if text in self.found or len(self.found) < 10 * LISTED:
            self.found[text] += 1

    def check(self, origin: str) -> None:
        """After all rows.

        Raises:
            InputError: a label is neither good nor bad, or no row has a label that is good.
        """
        values = ", ".join(
            f"{name if name.isprintable() and len(name) <= SHOWN else shown(name)} ({count})"
            for name, count in self.found.most_common(LISTED)
        )
        more = ", …" if len(self.found) > LISTED else ""
        if self._unknown is not None:
            place, label, value = self._unknown
            raise InputError(
                f'{place}: "{label}" is {shown(value)}, expected "good", "bad", 1 or 0; the labels '
                f"are {values}{more}: name the good ones in {self._key}.good",
                key=f"{self._key}.path",
            )
        wanted = self._condition.values if self._condition is not None else None
        if wanted is not None and not self._good and self.found:
            raise InputError(
                f"{origin}: no row has a label that {self._key}.good names "
                f"({', '.join(map(shown, wanted))}); the labels are {values}{more}",
                key=f"{self._key}.good",
            )
