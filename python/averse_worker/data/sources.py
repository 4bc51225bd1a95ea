"""Prompts and texts: the built-in set, a folder with train.jsonl and test.jsonl, or one file.

A row is `{"text": …, "label": "good" | "bad" | 1 | 0}` (the label may be left out) or
`{"prompt": …}`; the prompt is the first `prompt_tokens` tokens of either. Rows labelled good are
what supervised fine-tuning learns from and perplexity is measured on. A row's id is its index.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from averse_worker.data.builtin import GRAMMAR, Split, builtin_prompts
from averse_worker.platform.files import ASSETS, file_digest
from averse_worker.wire.errors import InputError

KEY: Final = "data.path"
# Of a single file, one row in ten is kept for testing.
_TEST_EVERY: Final = 10
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


@dataclass(frozen=True)
class Data:
    """Everything under one `data.path`."""

    rows: dict[Split, list[Row]]
    digests: dict[str, str]
    good: dict[Split, list[str]]
    """texts labelled good"""


def read_data(path: str) -> Data:
    """Reads and checks all rows.

    Raises:
        InputError: a file is missing, empty, not UTF-8 or holds a wrong row, named by its line.
    """
    if path == "builtin":
        return _builtin()
    found = Path(path).expanduser()
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
            f"{KEY} is '{path}', which is neither builtin, nor a folder, nor a file", key=KEY
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
        raise InputError(f"{path}: one row only, expected two or more to split", key=KEY)
    every = min(_TEST_EVERY, len(rows))
    test = [row for row in rows if row.id % every == every - 1]
    return {"train": [row for row in rows if row.id % every != every - 1], "test": test}


def _rows(path: Path) -> Iterator[Row]:
    lines = path.read_bytes().split(b"\n")
    if not any(line.strip() for line in lines):
        raise InputError(f"{path}: is empty, expected one JSON object a line", key=KEY)
    index = 0
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _row(line, index, f"{path}:{number}")
            index += 1


def _row(line: bytes, index: int, place: str) -> Row:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: is not UTF-8 ({error.reason})", key=KEY) from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{place}: is not JSON ({error.msg}, column {error.colno})", key=KEY
        ) from error
    if not isinstance(value, dict):
        raise InputError(
            f"{place}: is a JSON {type(value).__name__}, expected an object like "
            '{"text": "…", "label": "good"} or {"prompt": "…"}',
            key=KEY,
        )
    field = "text" if "text" in value else "prompt"
    text = value.get(field)
    if not isinstance(text, str) or not text.strip():
        told = "is missing" if field not in value else f"is {text!r}, expected a string with words"
        name = f'"{field}"' if field in value else '"text" (or "prompt")'
        raise InputError(f"{place}: {name} {told}", key=KEY)
    label = value.get("label")
    # True and False are numbers to Python, but no labels.
    known = isinstance(label, str | int) and not isinstance(label, bool) and label in _LABELS
    if label is not None and not known:
        raise InputError(f'{place}: "label" is {label!r}, expected "good", "bad", 1 or 0', key=KEY)
    return Row(index, text, field == "text" and _LABELS.get(label, False), place)
