"""The columns of a data file by its first rows: `python -m averse_worker.data.glance FILE`.

For `averse init`, which guesses what the columns are for. Prints
`{"columns": [{"name", "type", "values", "length"}], "rows"}`: `type` is text, number, messages or
other; `values` are a column's different values where they are few; `length` is the mean length of
its texts; `rows` is null over 100,000. Reads the file itself, row by row: loading `datasets` would
take longer than everything else that is done here.
"""

import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

from averse_worker.data.unique_keys import UNIQUE_KEYS, repeated

Row = Mapping[str, Any]

_OPENERS: Final[Mapping[str, Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_ROWS: Final = 1_000
"""looked at"""
_COUNTED: Final = 100_000
_FEW: Final = 20
"""different values that are listed"""
_LONGEST_VALUE: Final = 60


def glance(path: Path) -> dict[str, Any]:
    """What is known of the file after its first rows.

    Raises:
        ValueError: it holds no rows with columns.
    """
    rows = read_rows(path)
    seen = list(itertools.islice(rows, _ROWS))
    if not seen:
        raise ValueError("it has no rows")
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


def read_rows(path: Path) -> Iterator[Row]:
    """Rows of a CSV, TSV, JSON Lines, JSON, Parquet or Arrow file, compressed or not.

    Raises:
        ValueError: it is of none of these, or holds something else.
    """
    name = path.name.lower()
    packed = next((end for end in (*_OPENERS, ".zst", ".zip") if name.endswith(end)), "")
    if packed in (".zst", ".zip"):
        raise ValueError(f"its columns are not looked at in {packed} files")
    end = Path(name.removesuffix(packed)).suffix
    if end in (".parquet", ".arrow"):
        yield from _tables(path, end)
        return
    opener = _OPENERS.get(packed, open)
    with opener(path, "rb") as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        if end in (".csv", ".tsv"):
            csv.field_size_limit(sys.maxsize)
            table = csv.DictReader(text, delimiter="\t" if end == ".tsv" else ",")
            if again := repeated(list(table.fieldnames or ())):
                raise ValueError(f"it has the column {again!r} twice; rename one")
            yield from table
        else:
            yield from _objects(text)


def _objects(text: TextIO) -> Iterator[Row]:
    """Of JSON Lines, or of one JSON array."""
    first = text.read(1)
    while first.isspace():
        first = text.read(1)
    parsed = UNIQUE_KEYS.decode
    rows = parsed(first + text.read()) if first == "[" else map(parsed, _lines(first, text))
    for row in rows:
        if not isinstance(row, dict):
            raise ValueError(f"a row is a JSON {type(row).__name__}; expected an object")
        yield row


def _lines(first: str, text: TextIO) -> Iterator[str]:
    for line in itertools.chain([first + text.readline()], text):
        if line.strip():
            yield line


def _tables(path: Path, end: str) -> Iterator[Row]:
    if end == ".parquet":
        import pyarrow.parquet

        batches = pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=_ROWS)
    else:
        import pyarrow.ipc

        batches = iter(pyarrow.ipc.open_stream(path.read_bytes()))
    for batch in batches:
        yield from batch.to_pylist()


def main(arguments: list[str]) -> int:
    """Prints the glance, or why there is none."""
    try:
        print(json.dumps(glance(Path(arguments[0]))))
    except (OSError, ValueError, csv.Error, EOFError, lzma.LZMAError) as error:
        print(f"it cannot be read: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
