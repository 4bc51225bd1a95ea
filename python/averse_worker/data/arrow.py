"""Arrow's tables as records: Parquet and Arrow files, and what `datasets` has read.

A table's columns have types, which say two things that its Python values do not. Objects of one
column have the fields of all its rows, null where a row has none (`ArrowObject`). And what
`datasets` calls `Json` is a text.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from averse_worker.data.table import Record, Table
from averse_worker.data.unique_keys import UNIQUE_KEYS, RepeatedKeyError, repeated
from averse_worker.wire.errors import InputError

ARROW_FORMATS: Final = ("parquet", "arrow")

_ROWS_AT_ONCE: Final = 4096


class ArrowObject(dict[str, Any]):
    """An object of a table: a null may be its row's own, or stand for a field of other rows."""


def own_fields(value: Any) -> Any:
    """A value without the fields that a table has for other rows: those of its objects that are
    null. Of a value that is no table's, JSON for example, every null is its own."""
    if isinstance(value, ArrowObject):
        return {name: own_fields(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [own_fields(one) for one in value]
    return value


def open_arrow(path: Path, form: str, key: str) -> Table:
    """The records of a Parquet or Arrow file.

    Args:
        key: config key of the file, for errors.

    Raises:
        InputError: it cannot be read, or has two columns of one name; and while records are read.
    """

    def records() -> Iterator[Record]:
        empty = True
        with _opened(path, form, key) as (_, batches):
            for record in arrow_records(batches, str(path), key):
                empty = False
                yield record
        if empty:
            raise InputError(f"{path}: is empty; expected at least one row", key=key)

    with _opened(path, form, key) as (schema, _):
        again = _repeated_field(list(schema))
        if again is not None:
            raise InputError(f"{path}: has the column {again!r} twice; rename one", key=key)
        return Table(str(path), records, _classes(schema))


def arrow_records(batches: Iterable[Any], origin: str, key: str) -> Iterator[Record]:
    """The rows of an Arrow table's batches, by number from 1.

    Args:
        origin: of the table, for errors.
        key: config key of the table, for errors.

    Raises:
        InputError: a `Json` has a key twice.
    """
    number = 0
    for batch in batches:
        reads = {name: read for name, kind in _fields(batch.schema) if (read := _reader(kind))}
        for columns in batch.to_pylist():
            number += 1
            for name, read in reads.items():
                try:
                    columns[name] = read(columns[name])
                except RepeatedKeyError as error:
                    raise InputError(f'{origin}:{number}: "{name}" {error}', key=key) from error
            yield Record(number, columns)


def _reader(kind: Any) -> Callable[[Any], Any] | None:
    """What makes the Python values of a type what was written; None: they are that already."""
    import pyarrow

    made: Callable[[Any], Any]
    if isinstance(kind, pyarrow.JsonType):
        made = UNIQUE_KEYS.decode
    elif pyarrow.types.is_struct(kind):
        reads = {name: read for name, inner in _fields(kind) if (read := _reader(inner))}

        def made(value: dict[str, Any]) -> ArrowObject:
            return ArrowObject(value | {name: read(value[name]) for name, read in reads.items()})

    elif pyarrow.types.is_nested(kind) and hasattr(kind, "value_type"):  # lists of every kind
        read = _reader(kind.value_type)
        if read is None:
            return None

        def made(value: list[Any]) -> list[Any]:
            return [read(one) for one in value]

    else:
        return None
    return lambda value: None if value is None else made(value)


def _fields(fields: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return ((field.name, field.type) for field in fields)


def _repeated_field(fields: Sequence[Any]) -> str | None:
    """The first column that is there twice, or field of a column; None: there is none."""
    again = repeated([field.name for field in fields])
    if again is not None:
        return again
    for field in fields:
        inner = [field.type.field(place) for place in range(field.type.num_fields)]
        if (again := _repeated_field(inner)) is not None:
            return f"{field.name}.{again}"
    return None


def _classes(schema: Any) -> dict[str, list[str]]:
    """Names of numbered classes, which `datasets` keeps in the file's schema."""
    try:
        about = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = about.get("info", {}).get("features", {})
    except ValueError:
        return {}
    return {
        name: feature["names"]
        for name, feature in features.items()
        if isinstance(feature, dict) and isinstance(feature.get("names"), list)
    }


@contextmanager
def _opened(path: Path, form: str, key: str) -> Iterator[tuple[Any, Iterator[Any]]]:
    """A file's schema and its batches.

    Raises:
        InputError: pyarrow cannot read it, whenever it finds out.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        if form == "parquet":
            with ParquetFile(path) as file:
                yield file.schema_arrow, file.iter_batches(_ROWS_AT_ONCE)
        else:
            with pyarrow.memory_map(str(path)) as source:
                reader = _arrow_reader(source)
                yield (
                    reader.schema,
                    (
                        batch.slice(start, _ROWS_AT_ONCE)
                        for batch in reader
                        for start in range(0, batch.num_rows, _ROWS_AT_ONCE)
                    ),
                )
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: cannot be read as {form.capitalize()}; is it whole?", key=key
        ) from error


def _arrow_reader(source: Any) -> Any:
    """Of the stream format, which `datasets` writes, or of Arrow's file format."""
    import pyarrow

    try:
        return pyarrow.ipc.open_stream(source)
    except pyarrow.ArrowInvalid:
        source.seek(0)
        file = pyarrow.ipc.open_file(source)
        batches = (file.get_batch(i) for i in range(file.num_record_batches))
        return pyarrow.RecordBatchReader.from_batches(file.schema, batches)
