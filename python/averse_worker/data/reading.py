"""Local files as records: JSON lines, JSON, CSV, TSV and plain text; Parquet and Arrow by `arrow`.

Text formats are read here and not by `datasets`, for three reasons: its messages do not name the
line; it guesses types ("007" becomes 7, "NA" nothing); and it writes a copy of every file into its
cache.

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
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from averse_worker.data.arrow import ARROW_FORMATS, open_arrow
from averse_worker.data.table import Record, Table
from averse_worker.data.unique_keys import UNIQUE_KEYS, RepeatedKeyError, repeated
from averse_worker.wire.errors import InputError

FORMATS: Final = ("jsonl", "ndjson", "json", "csv", "tsv", "txt", *ARROW_FORMATS)
COMPRESSIONS: Final = ("gz", "xz", "bz2", "zst", "zip")

_MARKS: Final = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_DELIMITERS: Final = (";", "\t", ",", "|")
"""that files are saved with, whatever their names say"""
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_OBJECTS: Final = re.compile(r"\[[ \t\n\r]*\{")
"""the beginning of an array of objects"""
# csv's own bound is 128 KiB, which a long document passes.
_LONGEST_FIELD: Final = 2**31 - 1


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
    if form not in ARROW_FORMATS:
        return Table(str(path), _Reader(path, form, compression, key).records, {})
    if compression is not None:
        raise InputError(
            f"{path}: .{compression} on .{form} is not supported: decompress it", key=key
        )
    return open_arrow(path, form, key)


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
        empty = True
        try:
            for record in readers.get(self._form, self._json_lines)():
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
        text = _JsonText(self, "".join(line for _, line in self._lines()))
        start = text.next()
        if not start:
            return
        if start != "{":
            entries = text.entries() if start == "[" else [(text.line, text.value())]
            yield from (self._record(value, line) for line, value in entries)
            text.end()
            return
        first_line = text.line
        members = text.members()
        if text.next():
            yield from self._json_lines()
            return
        if (again := repeated([name for name, _ in members])) is not None:
            raise self.wrong(str(RepeatedKeyError(again)), first_line)
        arrays = [value for _, value in members if isinstance(value, _Entries)]
        if len(arrays) == 1 and "messages" not in dict(members):
            yield from (self._record(value, line) for line, value in arrays[0])
            return
        whole = {
            name: [one for _, one in value] if isinstance(value, _Entries) else value
            for name, value in members
        }
        yield self._record(whole, first_line)

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


class _Entries(list[tuple[int, Any]]):
    """The entries of an array whose first is an object, with their lines."""


class _JsonText:
    """A JSON text that is decoded value by value, so that each is known by its line."""

    def __init__(self, reader: _Reader, text: str) -> None:
        self._reader = reader
        self._text = text
        self._at = 0
        self.line = 1

    def next(self) -> str:
        """The next character that is not blank, where reading goes on; empty: there is none."""
        self._go_to(_BLANK.match(self._text, self._at).end())  # type: ignore[union-attr]
        return self._text[self._at : self._at + 1]

    def value(self) -> Any:
        """What is written next."""
        self.next()
        with _json_faults(self._reader, self.line):
            value, end = UNIQUE_KEYS.raw_decode(self._text, self._at)
        self._go_to(end)
        return value

    def entries(self) -> Iterator[tuple[int, Any]]:
        """Of an array: their lines and values."""
        for line in self._items("[", "]"):
            yield line, self.value()

    def members(self) -> list[tuple[str, Any]]:
        """Of an object: their names and values; an array that begins with an object by its
        entries."""
        found: list[tuple[str, Any]] = []
        for line in self._items("{", "}"):
            name = self.value()
            if not isinstance(name, str) or not self._take(":"):
                raise self._reader.wrong(
                    "is not JSON (expected a name in quotes and a colon)", line
                )
            self.next()
            listed = _OBJECTS.match(self._text, self._at)
            found.append((name, _Entries(self.entries()) if listed else self.value()))
        return found

    def end(self) -> None:
        """
        Raises:
            InputError: something follows.
        """
        if self.next():
            raise self._reader.wrong("has text behind the array; expected one array", self.line)

    def _items(self, opening: str, closing: str) -> Iterator[int]:
        """The line of each item between brackets, where it begins."""
        self._take(opening)
        if self._take(closing):
            return
        while True:
            self.next()
            yield self.line
            if self._take(closing):
                return
            if not self._take(","):
                raise self._reader.wrong(
                    f"is not JSON (expected a comma or {closing} after an entry)", self.line
                )

    def _take(self, mark: str) -> bool:
        """Whether a mark is next, which is read then."""
        found = self.next() == mark
        self._at += found
        return found

    def _go_to(self, place: int) -> None:
        self.line += self._text.count("\n", self._at, place)
        self._at = place


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
