"""The columns of a data file by its first rows: `python -m averse_worker.data.glance FILE`.

For `averse init`, which guesses what the columns are for. Prints
`{"columns": [{"name", "type", "values", "length"}], "rows"}`: `type` is text, number, messages or
other; `values` are a column's different values where they are few; `length` is the mean length of
its texts; `rows` is null over 100,000. The file is read as a worker reads it: what a run would
refuse in the rows that are looked at is refused here.
"""

import itertools
import json
import sys
from pathlib import Path
from typing import Any, Final

from averse_worker.data.reading import open_table
from averse_worker.wire.errors import InputError

_ROWS: Final = 1_000
"""looked at"""
_COUNTED: Final = 100_000
_FEW: Final = 20
"""different values that are listed"""
_LONGEST_VALUE: Final = 60


def glance(path: Path) -> dict[str, Any]:
    """What is known of the file after its first rows.

    Raises:
        InputError: it cannot be read, or has no rows.
    """
    rows = (record.columns for record in open_table(path, "data.path").records())
    seen = list(itertools.islice(rows, _ROWS))
    names = list(dict.fromkeys(name for row in seen for name in row))
    count = len(seen) + sum(1 for _ in itertools.islice(rows, _COUNTED))
    return {
        "columns": [_column(name, [row.get(name) for row in seen]) for name in names],
        "rows": None if count > _COUNTED else count,
    }


def _column(name: str, values: list[Any]) -> dict[str, Any]:
    present = [value for value in values if value is not None and value != ""]
    texts = [value for value in present if isinstance(value, str)]
    numbers = [_number(value) for value in present]
    if present and all(number is not None for number in numbers):
        kind, present = "number", numbers
    elif texts and len(texts) == len(present):
        kind = "text"
    elif present and all(_is_messages(value) for value in present):
        kind = "messages"
    else:
        kind = "other"
    return {
        "name": name,
        "type": kind,
        "values": _few(present) if kind in ("text", "number") else None,
        "length": sum(map(len, texts)) / len(texts) if kind == "text" else 0,
    }


def _number(value: Any) -> int | float | bool | None:
    """As a label in a CSV file, where everything is text."""
    if isinstance(value, int | float):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number.is_integer() else number


def _few(values: list[Any]) -> list[Any] | None:
    different = list(dict.fromkeys(values))
    few = len(different) <= min(_FEW, max(2, len(values) // 2))
    short = all(len(str(value)) <= _LONGEST_VALUE for value in different)
    return sorted(different, key=str) if few and short else None


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and "role" in one and "content" in one for one in value
    )


def main(arguments: list[str]) -> int:
    """Prints the glance, or why there is none."""
    try:
        print(json.dumps(glance(Path(arguments[0]))))
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
