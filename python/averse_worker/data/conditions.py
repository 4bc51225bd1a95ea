"""Which rows are used and which are of the good class, by what is in their columns."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from averse_worker.data.columns import (
    ABSENT,
    LISTED,
    SHOWN,
    column_names,
    is_missing,
    listed,
    missing,
    shown,
    value_at,
)
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.data import Condition, Scalar

_LABELS: Final = {"good": True, "bad": False, 1: True, 0: False}


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
                    f"{listed(column_names(columns))}",
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
