"""Prompts and texts: the built-in set, a folder with train.jsonl and test.jsonl, or one file.

A row is `{"text": …, "label": "good" | "bad" | 1 | 0}` (the label may be left out) or
`{"prompt": …}`; the prompt is the first `prompt_tokens` tokens of either. Rows labelled good are
what supervised fine-tuning learns from and perplexity is measured on. A row's id is its index.

A "text" is running text: words in it that spell a control token stay words. A "prompt" is ready
made, for example by a chat template, and control tokens written in it are control tokens.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from averse_worker.data.builtin import GRAMMAR, Split, builtin_prompts
from averse_worker.platform.files import ASSETS, file_digest
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.data import BuiltinPlace, DataSource, PathPlace

KEY: Final = "data.path"
# Of a single file, one row in ten is kept for testing.
_TEST_EVERY: Final = 10
_MARKS: Final = {
    b"\xef\xbb\xbf": "UTF-8 with a byte order mark",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_ARRAY: Final = re.compile(rb"\s*\[\s*(\{|$)")
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_SHOWN: Final = 60
"""characters of a wrong value in a message"""
_LABELS: Final = {"good": True, "bad": False, 1: True, 0: False}


@dataclass(frozen=True)
class Row:
    """One line of a data file."""

    id: int
    text: str
    good: bool
    """labelled good: fit for fine-tuning"""
    place: str
    """where it came from, for error messages"""
    markers: bool = False
    """whether control tokens written in it are control tokens"""


@dataclass(frozen=True)
class Data:
    """Everything under one `data.path`."""

    rows: dict[Split, list[Row]]
    digests: dict[str, str]
    good: dict[Split, list[str]]
    """texts labelled good"""

    @property
    def overlap(self) -> int:
        """Number of test rows whose text is also a training text, so not held out."""
        trained = {row.text for row in self.rows["train"]}.union(self.good["train"])
        return sum(row.text in trained for row in self.rows["test"])


def read_data(source: DataSource) -> Data:
    """Reads and checks all rows.

    Raises:
        InputError: a file is missing, empty, not UTF-8 or holds a wrong row, named by its line.
    """
    place = source.parts[0].place
    if isinstance(place, BuiltinPlace):
        return _builtin()
    assert isinstance(place, PathPlace)
    found = Path(place.path).expanduser()
    if found.is_dir():
        files: dict[Split, Path] = {"train": found / "train.jsonl", "test": found / "test.jsonl"}
        missing = [file.name for file in files.values() if not file.is_file()]
        if missing:
            raise InputError(
                f"{found}: no {' and no '.join(missing)}; expected train.jsonl and test.jsonl",
                key=KEY,
            )
        rows = {split: list(_rows(file)) for split, file in files.items()}
    elif found.is_file():
        files = {"train": found}
        rows = _split(list(_rows(found)), found)
    else:
        raise InputError(
            f"{KEY} is '{place.path}', and there is no such folder or file; expected builtin, a "
            "folder with train.jsonl and test.jsonl, or one .jsonl file",
            key=KEY,
        )
    return Data(
        rows,
        {file.name: file_digest(file) for file in files.values()},
        {split: [row.text for row in rows[split] if row.good] for split in rows},
    )


def _builtin() -> Data:
    splits: tuple[Split, ...] = ("train", "test")
    rows = {
        split: [Row(p.id, p.text, False, f"built-in prompt {p.id}") for p in builtin_prompts(split)]
        for split in splits
    }
    good: dict[Split, list[str]] = {"train": [], "test": []}
    texts = ASSETS / "good-texts.jsonl"
    for line in texts.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        good[row["split"]].append(row["text"])
    return Data(rows, {file.name: file_digest(file) for file in (texts, GRAMMAR)}, good)


def _split(rows: list[Row], path: Path) -> dict[Split, list[Row]]:
    if len(rows) < 2:
        raise InputError(
            f"{path}: has one row; expected at least two, to split into train and test", key=KEY
        )
    every = min(_TEST_EVERY, len(rows))
    test = [row for row in rows if row.id % every == every - 1]
    return {"train": [row for row in rows if row.id % every != every - 1], "test": test}


def _rows(path: Path) -> Iterator[Row]:
    data = path.read_bytes()
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            raise InputError(
                f"{path}: is encoded as {name}; save it as UTF-8 without a byte order mark", key=KEY
            )
    lines = data.split(b"\n")
    first = next((line for line in lines if line.strip()), b"")
    if not first:
        raise InputError(f"{path}: is empty; expected one JSON object per line", key=KEY)
    if _ARRAY.match(first):
        raise InputError(
            f"{path}: is a JSON array; expected one object per line, without enclosing brackets "
            "or commas between",
            key=KEY,
        )
    index = 0
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _row(line, index, f"{path}:{number}")
            index += 1


def _row(line: bytes, index: int, place: str) -> Row:
    value = _json(line, place)
    if not isinstance(value, dict):
        raise InputError(
            f"{place}: is a JSON {type(value).__name__}, expected an object like "
            '{"text": "…", "label": "good"} or {"prompt": "…"}',
            key=KEY,
        )
    field = "text" if "text" in value else "prompt"
    text = value.get(field)
    if not isinstance(text, str) or not text.strip():
        problem = (
            "is missing"
            if field not in value
            else f"is {_shown(text)}, expected a string that is not blank"
        )
        name = f'"{field}"' if field in value else '"text" (or "prompt")'
        raise InputError(f"{place}: {name} {problem}", key=KEY)
    if half := _HALF_PAIR.search(text):
        raise InputError(
            f'{place}: "{field}" has half of a surrogate pair, \\u{ord(half[0]):04x}, at character '
            f"{half.start() + 1} (a truncated emoji); fix or remove the row",
            key=KEY,
        )
    label = value.get("label")
    # True and False are numbers to Python, but no labels.
    known = isinstance(label, str | int) and not isinstance(label, bool) and label in _LABELS
    if label is not None and not known:
        raise InputError(
            f'{place}: "label" is {_shown(label)}, expected "good", "bad", 1 or 0', key=KEY
        )
    good = field == "text" and _LABELS.get(label, False)
    return Row(index, text, good, place, markers=field == "prompt")


def _json(line: bytes, place: str) -> Any:
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{place}: is not UTF-8 at byte {error.start + 1}; save the file as UTF-8", key=KEY
        ) from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{place}: is not JSON ({error.msg}, column {error.colno}); "
            "expected one object per line",
            key=KEY,
        ) from error
    except RecursionError as error:
        raise InputError(
            f"{place}: is nested too deeply; expected an object of strings", key=KEY
        ) from error
    except ValueError as error:  # Python's bound on the digits of whole numbers
        raise InputError(
            f"{place}: holds a number of more than {sys.get_int_max_str_digits()} digits; "
            'expected "label" to be "good", "bad", 1 or 0',
            key=KEY,
        ) from error


def _shown(value: Any) -> str:
    shown = ascii(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
