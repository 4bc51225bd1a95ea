"""Local files as records: JSON lines, JSON, CSV, TSV, plain text, Parquet and Arrow.

Text formats are read here and not by `datasets`, for three reasons: its messages do not name the
line; it guesses types ("007" becomes 7, "NA" nothing); and it writes a copy of every file into its
cache. Parquet and Arrow are read by pyarrow, as `datasets` does, in batches.

Nothing is repaired: a file is UTF-8, or begins with the mark of UTF-8 or UTF-16.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from averse_worker.data.unique_keys import UNIQUE_KEYS, RepeatedKeyError, repeated
from averse_worker.wire.errors import InputError

FORMATS: Final = ("jsonl", "ndjson", "json", "csv", "tsv", "txt", "parquet", "arrow")
COMPRESSIONS: Final = ("gz", "xz", "bz2", "zst", "zip")

_BINARY: Final = ("parquet", "arrow")
_MARKS: Final = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_ROWS_AT_ONCE: Final = 4096
_DELIMITERS: Final = (";", "\t", ",", "|")
"""that files are saved with, whatever their names say"""
# csv's own bound is 128 KiB, which a long document passes.
_LONGEST_FIELD: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file, by column."""

    line: int
    """from 1; of Parquet and Arrow the number of the row"""
    columns: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A file's records, read as they are asked for."""

    origin: str
    """for messages"""
    records: Callable[[], Iterator[Record]]
    classes: dict[str, list[str]]
    """column → names of its numbered classes, as data sets of the hub have them"""


def format_of(path: Path) -> tuple[str, str | None] | None:
    """Format and compression by the file's name; None: neither is known."""
    parts = path.name.lower().split(".")[1:]
    compression = parts.pop() if parts and parts[-1] in COMPRESSIONS else None
    if not parts or parts[-1] not in FORMATS:
        return None
    return parts[-1], compression


def open_table(path: Path, key: str) -> Table:
    """The records of a file.

    Args:
        key: config key of the file, for errors.

    Raises:
        InputError: the format is unknown; and while records are read: a line is wrong.
    """
    found = format_of(path)
    if found is None:
        raise InputError(
            f"{path}: its name ends with no known format; expected {_listed(FORMATS)}, also with "
            f"{_listed(COMPRESSIONS)} behind",
            key=key,
        )
    form, compression = found
    reader = _Reader(path, form, compression, key)
    classes = reader.classes() if form in _BINARY else {}
    return Table(str(path), reader.records, classes)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f".{name}" for name in names)


class _Reader:
    def __init__(self, path: Path, form: str, compression: str | None, key: str) -> None:
        self._path = path
        self._form = form
        self._compression = compression
        self._key = key

    def wrong(self, what: str, line: int | None = None) -> InputError:
        place = self._path if line is None else f"{self._path}:{line}"
        return InputError(f"{place}: {what}", key=self._key)

    def records(self) -> Iterator[Record]:
        """
        Raises:
            InputError: names file and line.
        """
        readers = {"json": self._json, "csv": self._csv, "tsv": self._tsv, "txt": self._text}
        read = self._binary if self._form in _BINARY else readers.get(self._form, self._json_lines)
        empty = True
        try:
            for record in read():
                empty = False
                yield record
        except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError) as error:
            if isinstance(error, OSError) and self._compression is None:
                raise self.wrong(f"cannot be read ({error.strerror or error})") from error
            raise self.wrong(
                f"cannot be decompressed ({type(error).__name__}); is it whole, and "
                f".{self._compression}?"
            ) from error
        if empty:
            expected = "one JSON object per line" if "json" in self._form else "at least one row"
            raise self.wrong(f"is empty; expected {expected}")

    # ── bytes and lines ─────────────────────────────────────────────────────────────────────

    def _open(self) -> IO[bytes]:
        match self._compression:
            case None:
                return self._path.open("rb")
            case "gz":
                return gzip.open(self._path)  # type: ignore[return-value]
            case "xz":
                return lzma.open(self._path)
            case "bz2":
                return bz2.open(self._path)
            case "zst":
                import pyarrow

                return io.BufferedReader(pyarrow.input_stream(str(self._path), compression="zstd"))
        archive = zipfile.ZipFile(self._path)
        names = [one for one in archive.namelist() if not one.endswith("/")]
        if len(names) != 1:
            raise self.wrong(f"holds {len(names)} files; expected exactly one")
        if archive.getinfo(names[0]).flag_bits & 1:
            raise self.wrong("is encrypted; expected an archive without a password")
        return archive.open(names[0])

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Lines with their ends, and their numbers from 1."""
        with self._open() as file:
            head = file.peek(4) if hasattr(file, "peek") else b""
            mark = next((mark for mark in _MARKS if head.startswith(mark)), b"")
            encoding = _MARKS.get(mark, "utf-8")
            file.read(len(mark))
            if encoding != "utf-8":
                yield from self._utf16_lines(file, encoding)
                return
            for number, line in enumerate(file, 1):
                try:
                    yield number, line.decode("utf-8")
                except UnicodeDecodeError as error:
                    raise self.wrong(
                        f"is not UTF-8 at byte {error.start + 1}; save the file as UTF-8", number
                    ) from error

    def _utf16_lines(self, file: IO[bytes], encoding: str) -> Iterator[tuple[int, str]]:
        number = 0
        try:
            for line in io.TextIOWrapper(file, encoding=encoding, newline="\n"):
                number += 1
                yield number, line
        except UnicodeDecodeError as error:
            raise self.wrong(
                "is not UTF-16 here, as its first bytes say; save the file as UTF-8", number + 1
            ) from error

    # ── formats ─────────────────────────────────────────────────────────────────────────────

    def _json_lines(self) -> Iterator[Record]:
        first = True
        for number, line in self._lines():
            if not line.strip():
                continue
            if first and re.match(r"\s*\[\s*(\{|$)", line):
                raise self.wrong(
                    "is a JSON array; expected one object per line, without enclosing brackets or "
                    "commas between (or name the file .json)"
                )
            first = False
            yield self._record(self._parsed(line, number), number)

    def _record(self, value: Any, number: int) -> Record:
        if not isinstance(value, dict):
            raise self.wrong(
                f"is a JSON {type(value).__name__}, expected an object like "
                '{"text": "…", "label": "good"} or {"prompt": "…"}',
                number,
            )
        return Record(number, value)

    def _parsed(self, line: str, number: int) -> Any:
        with _json_faults(self, number):
            return UNIQUE_KEYS.decode(line)
        raise AssertionError

    def _json(self) -> Iterator[Record]:
        """An array of objects; an object with one such array; or one object per line."""
        whole = "".join(line for _, line in self._lines())
        start = len(whole) - len(whole.lstrip())
        if whole[start : start + 1] == "[":
            yield from self._array(whole, start + 1)
            return
        decoder = json.JSONDecoder()
        with _json_faults(self, 1 + whole.count("\n", 0, start)):
            value, end = decoder.raw_decode(whole, start) if whole.strip() else ({}, len(whole))
        if whole[end:].strip():
            yield from self._json_lines()
            return
        arrays = [
            (name, rows)
            for name, rows in (value.items() if isinstance(value, dict) else ())
            if isinstance(rows, list) and rows and isinstance(rows[0], dict)
        ]
        first_line = 1 + whole.count("\n", 0, start)
        if len(arrays) == 1 and "messages" not in value:
            name = arrays[0][0]
            at = whole.index(f'"{name}"', start)
            yield from self._array(whole, whole.index("[", at) + 1)
        elif whole.strip():
            yield self._record(value, first_line)
        # After the entries, of which each is told by its own line.
        if whole.strip():
            with _json_faults(self, first_line):
                UNIQUE_KEYS.raw_decode(whole, start)

    def _array(self, text: str, at: int) -> Iterator[Record]:
        line, counted = 1, 0
        blank = re.compile(r"[\s]*")
        while True:
            at = blank.match(text, at).end()  # type: ignore[union-attr]
            line, counted = line + text.count("\n", counted, at), at
            if text[at : at + 1] == "]":
                return
            with _json_faults(self, line):
                value, at = UNIQUE_KEYS.raw_decode(text, at)
            yield self._record(value, line)
            at = blank.match(text, at).end()  # type: ignore[union-attr]
            if text[at : at + 1] == ",":
                at += 1
            elif text[at : at + 1] != "]":
                line += text.count("\n", counted, at)
                raise self.wrong("is not JSON (expected a comma or ] after an entry)", line)

    def _csv(self) -> Iterator[Record]:
        return self._delimited(",", quoted=True)

    def _tsv(self) -> Iterator[Record]:
        """Quotes are characters of the text where the file as a whole does not read otherwise."""
        try:
            for _ in self._delimited("\t", quoted=True):
                pass
        except InputError:
            return self._delimited("\t", quoted=False)
        return self._delimited("\t", quoted=True)

    def _delimited(self, delimiter: str, *, quoted: bool) -> Iterator[Record]:
        csv.field_size_limit(_LONGEST_FIELD)
        reader = csv.reader(
            (line for _, line in self._lines()),
            delimiter=delimiter,
            strict=True,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        )
        header: list[str] | None = None
        line = 1
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise self.wrong(f"is not {self._form.upper()} ({error})", line) from error
            if not fields or (len(fields) == 1 and not fields[0].strip()):
                continue
            if header is None:
                header = fields
                again = repeated(header)
                if again is not None:
                    raise self.wrong(f"has the column {again!r} twice; rename one", line)
                other = next((one for one in _DELIMITERS if one in fields[0]), None)
                if len(fields) == 1 and other is not None:
                    expected = "commas" if delimiter == "," else "tabs"
                    raise self.wrong(
                        f"has one column, {fields[0]!r}, with {other!r} in its name; expected "
                        f"{expected} between fields: save the file with them (.csv: commas, "
                        ".tsv: tabs)",
                        line,
                    )
                continue
            if len(fields) != len(header):
                raise self.wrong(
                    f"has {len(fields)} fields, expected {len(header)} ({', '.join(header)}); put "
                    "fields with a delimiter or a line end into double quotes",
                    line,
                )
            yield Record(line, dict(zip(header, fields, strict=True)))

    def _text(self) -> Iterator[Record]:
        for number, line in self._lines():
            if line.strip():
                yield Record(number, {"text": line.rstrip("\r\n")})

    def _binary(self) -> Iterator[Record]:
        index = 0
        for batch in self._batches():
            for row in batch.to_pylist():
                index += 1
                yield Record(index, row)

    def _batches(self) -> Iterator[Any]:
        import pyarrow

        try:
            if self._form == "parquet":
                from pyarrow.parquet import ParquetFile

                self._refuse_compression()
                with ParquetFile(self._path) as file:
                    yield from file.iter_batches(_ROWS_AT_ONCE)
            else:
                self._refuse_compression()
                with pyarrow.memory_map(str(self._path)) as source:
                    for batch in _arrow_reader(source):
                        for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                            yield batch.slice(start, _ROWS_AT_ONCE)
        except pyarrow.ArrowException as error:
            raise self.wrong(
                f"cannot be read as {self._form.capitalize()}; is it whole?"
            ) from error

    def _refuse_compression(self) -> None:
        if self._compression is not None:
            raise self.wrong(
                f".{self._compression} on .{self._form} is not supported: decompress it"
            )

    def classes(self) -> dict[str, list[str]]:
        """Names of numbered classes, which `datasets` keeps in the file's schema."""
        import pyarrow
        from pyarrow.parquet import read_schema

        self._refuse_compression()
        try:
            if self._form == "parquet":
                schema = read_schema(self._path)
            else:
                with pyarrow.memory_map(str(self._path)) as source:
                    schema = _arrow_reader(source).schema
        except (pyarrow.ArrowException, OSError) as error:
            raise self.wrong(
                f"cannot be read as {self._form.capitalize()}; is it whole?"
            ) from error
        again = _repeated(schema)
        if again is not None:
            raise self.wrong(f"has the column {again!r} twice; rename one")
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


def _repeated(fields: Iterable[Any], outside: str = "") -> str | None:
    """The first column that is there twice, or field of a column; None: there is none."""
    names: set[str] = set()
    for field in fields:
        name = f"{outside}{field.name}"
        if name in names:
            return name
        names.add(name)
        inner = (field.type.field(place) for place in range(field.type.num_fields))
        if again := _repeated(inner, f"{name}."):
            return again
    return None


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


class _json_faults:  # noqa: N801 - a context manager, read like a function
    """Turns what json raises into a message with file and line."""

    def __init__(self, reader: _Reader, line: int) -> None:
        self._reader = reader
        self._line = line

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        match error:
            case json.JSONDecodeError():
                line = self._line if self._reader._form != "json" else error.lineno
                raise self._reader.wrong(
                    f"is not JSON ({error.msg}, column {error.colno}); expected one object per "
                    "line" + (", or an array of objects" if self._reader._form == "json" else ""),
                    line,
                ) from error
            case RepeatedKeyError():
                raise self._reader.wrong(str(error), self._line) from error
            case RecursionError():
                raise self._reader.wrong(
                    "is nested too deeply; expected an object of strings", self._line
                ) from error
            case ValueError():  # Python's bound on the digits of whole numbers
                raise self._reader.wrong(
                    f"holds a number of more than {sys.get_int_max_str_digits()} digits; shorten "
                    "it, or put it in quotes",
                    self._line,
                ) from error
