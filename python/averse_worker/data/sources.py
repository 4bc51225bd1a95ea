"""The data of a run: read from its sources, filtered, split, mixed and limited.

    records ─▶ filter ─▶ rows ─▶ train and test ─▶ duplicates ─▶ mix ─▶ balance ─▶ limit

A row is a running text, of which the prompt is the beginning; a prompt, perhaps with a completion;
or a conversation. Rows of the good class are what supervised fine-tuning learns from and perplexity
is measured on. A row's id is its place in its source.

A "text" is running text: words in it that spell a control token stay words. A plain "prompt" is
ready made, for example by a chat template, and control tokens written in it are control tokens. In
conversations they are not: the template writes them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from averse_worker.data.builtin import GRAMMAR, Split, builtin_prompts
from averse_worker.data.conditions import Conditions, GoodClass
from averse_worker.data.examples import Completion, Conversation, Example
from averse_worker.data.reading import FORMATS, format_of, open_table
from averse_worker.data.rows import Row, RowReader, Use
from averse_worker.data.selection import (
    balanced,
    drawn,
    mixed,
    pairs_of_classes,
    require_held_out,
    without_duplicates,
)
from averse_worker.data.table import Table
from averse_worker.data.templates import template_digest
from averse_worker.platform.files import ASSETS, file_digest
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.data import (
    BuiltinPlace,
    DataPart,
    DataSource,
    HubPlace,
    PairPlace,
    PathPlace,
    SplitFacts,
)

SPLITS: Final[tuple[Split, ...]] = ("train", "test")
_FRACTION: Final = 0.1
"""of a single file's prompts that are for testing, where nothing else is said"""


@dataclass
class Left:
    """Rows that were read, and those left out on the way."""

    rows: int = 0
    filtered: int = 0
    duplicates: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Data:
    """Everything under one data source."""

    rows: dict[Split, list[Row]]
    digests: dict[str, str]
    good: dict[Split, list[Example]]
    """rows of the good class, as examples to learn from"""
    left: dict[Split, Left] = field(default_factory=lambda: {split: Left() for split in SPLITS})
    overlap: int = 0
    """test rows whose prompt is a training prompt as well, so not held out"""
    columns: Sequence[str] = ()
    """columns that some row has besides those of its text, in their order"""

    def facts(self, split: Split, dropped: int = 0, truncated: int = 0) -> SplitFacts:
        """What became of a split's rows.

        Args:
            dropped: prompts left out since, as too long.
            truncated: prompts cut to their length.
        """
        left = self.left[split]
        return SplitFacts(
            rows=left.rows,
            good=len(self.good[split]),
            filtered=left.filtered,
            duplicates=left.duplicates,
            left_out=left.left_out,
            dropped=dropped,
            truncated=truncated,
            kept=len(self.rows[split]) - dropped,
        )


def read_data(source: DataSource, key: str = "data", use: Use = "prompts") -> Data:
    """Reads and checks all rows.

    Args:
        key: config key of the source, for errors.

    Raises:
        InputError: a file is missing, empty, not text or holds a wrong row, named by its line; a
            column, a label or a split that is named is not there; too many test prompts are
            training prompts.
        MissingEnvironment: the hub cannot be reached.
    """
    by_class = use == "preferences" and _names_texts(source)
    if by_class:
        _require_classes(source, key)
        use = "labels"
    parts = [_Part(part, source, key, use) for part in source.parts]
    left = {split: Left() for split in SPLITS}
    rows: dict[Split, list[list[Row]]] = {split: [] for split in SPLITS}
    digests: dict[str, str] = {}
    good: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    columns: dict[str, None] = {}
    first_id = 0
    for part in parts:
        found = part.read(first_id)
        first_id += sum(left.rows for left in found.left.values())
        digests |= _distinct(found.digests, digests)
        columns |= dict.fromkeys(found.columns)
        for split in SPLITS:
            rows[split].append(found.rows[split])
            left[split].rows += found.left[split].rows
            left[split].filtered += found.left[split].filtered
            good[split] += found.good[split]
    kept: dict[Split, list[Row]] = {}
    for split in SPLITS:
        sets = rows[split]
        if source.deduplicate:
            before = sum(map(len, sets))
            sets = without_duplicates(sets)
            left[split].duplicates = before - sum(map(len, sets))
        before = sum(map(len, sets))
        chosen = mixed(sets, source, split)
        if split == "train" and source.balance is not None:
            chosen = balanced(chosen, source.balance, source.seed, key)
        limit = source.limit.train if split == "train" else source.limit.test
        if limit is not None:
            chosen = drawn(chosen, limit, f"{source.seed}/limit/{split}")
        if by_class:
            rows_of_both, chosen = chosen, pairs_of_classes(chosen, f"{source.seed}/pairs/{split}")
            if not chosen and rows_of_both:
                kinds = sum(row.good for row in rows_of_both)
                raise InputError(
                    f"{_names(parts)}: of {len(rows_of_both)} {split} rows {kinds} are of the good "
                    "class; expected some of it and some of another, to make pairs of",
                    key=f"{key}.good",
                )
        left[split].left_out = before - len(chosen) * (2 if by_class else 1)
        if not chosen:
            raise InputError(
                f"{_names(parts)}: no {split} rows are left of {left[split].rows} "
                f"({left[split].filtered} filtered out, {left[split].left_out} left out by mix, "
                "balance and limit)",
                key=f"{key}.filter" if left[split].filtered else f"{key}.path",
            )
        kept[split] = chosen
        good[split] += [example_of(row) for row in chosen if row.good]
    digests |= _distinct(template_digest(source.template, key), digests)
    overlap = require_held_out(kept, good["train"], source.max_overlap, key)
    return Data(kept, digests, good, left, overlap, tuple(columns))


def _names_texts(source: DataSource) -> bool:
    """Whether the columns are of texts with a class, and not of pairs."""
    return any("text" in (part.columns or {}) for part in source.parts)


def _require_classes(source: DataSource, key: str) -> None:
    for part in source.parts:
        if "text" not in (part.columns or {}) or part.good is None:
            raise InputError(
                f"{key}.columns names texts, of which pairs are made by class: the better text of "
                f"a pair is of the good class; name it in {key}.good, or name the columns chosen "
                "and rejected",
                key=f"{key}.good",
            )


def example_of(row: Row) -> Example:
    """A row with an answer, as fine-tuning learns from it."""
    if row.messages is not None:
        assert row.answer is not None
        return Conversation((*row.messages, row.answer), row.tools, row.place)
    return row.text if row.completion is None else Completion(row.text, row.completion)


def _names(parts: Sequence["_Part"]) -> str:
    return ", ".join(part.name for part in parts)


def _distinct(found: Mapping[str, str], taken: Mapping[str, str]) -> dict[str, str]:
    """Files of several sources may have one name."""
    named = {}
    for name, digest in found.items():
        number, free = 2, name
        while free in taken:
            number, free = number + 1, f"{name} ({number})"
        named[free] = digest
    return named


class _Part:
    """One source of rows."""

    def __init__(self, part: DataPart, source: DataSource, key: str, use: Use) -> None:
        self._part = part
        self._source = source
        self._key = key
        self._use = use

    @property
    def name(self) -> str:
        match self._part.place:
            case PathPlace(path=path):
                return path
            case PairPlace(train=train):
                return train
            case HubPlace(id=id):
                return f"hub:{id}"
            case _:
                return "builtin"

    def read(self, first_id: int) -> Data:
        """Both splits; ids count from `first_id`."""
        place = self._part.place
        if isinstance(place, BuiltinPlace):
            return self._builtin()
        tables, digests = self._tables()
        left = {split: Left() for split in SPLITS}
        rows: dict[Split, list[Row]] = {"train": [], "test": []}
        columns: dict[str, None] = {}
        for split, table in tables.items():
            kept, gone, others = self._rows(table, first_id)
            columns |= others
            fraction = self._fraction(tables)
            if fraction is None:
                rows[split], left[split] = kept, Left(rows=len(kept) + len(gone))
                left[split].filtered = len(gone)
                continue
            both, border = self._split(kept, fraction, table.origin)
            for name in SPLITS:
                rows[name] = both[name]
                is_test = name == "test"
                filtered = sum((self._rank(one) <= border) == is_test for one in gone)
                left[name] = Left(rows=len(rows[name]) + filtered, filtered=filtered)
        none: dict[Split, list[Example]] = {split: [] for split in SPLITS}
        return Data(rows, digests, none, left, columns=tuple(columns))

    def _builtin(self) -> Data:
        if self._use != "prompts" or self._part.columns or self._part.good or self._part.filter:
            raise InputError(
                f"{self._key}.path is builtin, which has prompts alone, without columns; leave "
                f"{self._key}.columns, good and filter out, or name a file",
                key=f"{self._key}.path",
            )
        rows = {
            split: [
                Row(p.id, p.text, False, f"built-in prompt {p.id}") for p in builtin_prompts(split)
            ]
            for split in SPLITS
        }
        good: dict[Split, list[Example]] = {"train": [], "test": []}
        texts = ASSETS / "good-texts.jsonl"
        for line in texts.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            good[row["split"]].append(row["text"])
        left = {split: Left(rows=len(rows[split])) for split in SPLITS}
        return Data(rows, {f.name: file_digest(f) for f in (texts, GRAMMAR)}, good, left)

    # ── tables ──────────────────────────────────────────────────────────────────────────────

    def _fraction(self, tables: Mapping[Split, Table]) -> float | None:
        """Of the rows that become test rows; None: they are a table of their own."""
        if "test" in tables:
            return None
        return self._part.split.fraction or _FRACTION

    def _tables(self) -> tuple[dict[Split, Table], dict[str, str]]:
        place, split, path_key = self._part.place, self._part.split, f"{self._key}.path"
        if isinstance(place, HubPlace):
            from averse_worker.data.hub import hub_tables

            return hub_tables(place, split, self._key)
        if isinstance(place, PairPlace):
            files: dict[Split, Path] = {
                "train": self._file(place.train),
                "test": self._file(place.test),
            }
            return self._opened(files)
        assert isinstance(place, PathPlace)
        found = Path(place.path).expanduser()
        if (found / "dataset_dict.json").is_file() or (found / "state.json").is_file():
            from averse_worker.data.hub import saved_tables

            return saved_tables(found, split, self._key)
        if found.is_dir():
            return self._opened(self._in_folder(found))
        if not found.is_file():
            raise InputError(
                f"{path_key} is '{place.path}', and there is no such folder or file; expected "
                "builtin, a folder with train.jsonl and test.jsonl (or .csv, .parquet, …), or one "
                "file",
                key=path_key,
            )
        for named in (split.train, split.test):
            if named is not None:
                raise InputError(
                    f"{found}: is one file and has no split {named!r}; name a folder, or set "
                    f"{self._key}.split to a fraction",
                    key=f"{self._key}.split",
                )
        return self._opened({"train": found})

    def _file(self, path: str) -> Path:
        found = Path(path).expanduser()
        if not found.is_file():
            raise InputError(f"{found}: there is no such file", key=f"{self._key}.path")
        return found

    def _in_folder(self, folder: Path) -> dict[Split, Path]:
        split = self._part.split
        wanted: dict[Split, str] = {"train": split.train or "train"}
        if split.fraction is None:
            wanted["test"] = split.test or "test"
        files: dict[Split, Path] = {}
        lacking = []
        for name, stem in wanted.items():
            there = sorted(
                path
                for path in folder.iterdir()
                if path.name.split(".")[0] == stem and path.is_file() and format_of(path)
            )
            if len(there) > 1:
                raise InputError(
                    f"{folder}: has {' and '.join(path.name for path in there)}; expected one "
                    f"file for the split {stem!r}",
                    key=f"{self._key}.path",
                )
            if there:
                files[name] = there[0]
            else:
                lacking.append(f"{stem}.jsonl")
        if lacking:
            kinds = ", ".join(f".{one}" for one in FORMATS[1:])
            raise InputError(
                f"{folder}: no {' and no '.join(lacking)} (nor one with {kinds}); expected "
                f"train.jsonl and test.jsonl, or {self._key}.split with other names or a fraction",
                key=f"{self._key}.path",
            )
        return files

    def _opened(self, files: Mapping[Split, Path]) -> tuple[dict[Split, Table], dict[str, str]]:
        path_key = f"{self._key}.path"
        tables = {split: open_table(file, path_key) for split, file in files.items()}
        digests: dict[str, str] = {}
        for file in files.values():
            digests |= _distinct({file.name: file_digest(file)}, digests)
        return tables, digests

    # ── rows ────────────────────────────────────────────────────────────────────────────────

    def _rows(self, table: Table, first_id: int) -> tuple[list[Row], list[str], dict[str, None]]:
        """Rows that the filter leaves, the keys of those that it takes out, and the columns that
        the rows have besides those of their texts."""
        part, key = self._part, self._key
        wraps = self._source.template not in ("auto", "none")
        reader = RowReader(part.columns, self._use, table.origin, key, wraps=wraps)
        good = GoodClass(part.good, table.classes, key)
        filters = Conditions(part.filter, table.classes, f"{key}.filter")
        kept: list[Row] = []
        gone: list[str] = []
        for index, record in enumerate(table.records()):
            place = f"{table.origin}:{record.line}"
            label = reader.label_column(record.columns)
            if part.filter and not filters.hold(record.columns, place, label):
                gone.append(f"{first_id + index}")
                continue
            is_good = None
            # A classifier learns labels, and the good class only by a rule.
            if self._use == "prompts" or (self._use == "labels" and part.good is not None):
                is_good = good.holds(record.columns, label, place)
            kept.append(reader.row(record, first_id + index, is_good))
        good.check(table.origin)
        return kept, gone, reader.others

    def _split(
        self, rows: Sequence[Row], fraction: float, origin: str
    ) -> tuple[dict[Split, list[Row]], bytes]:
        """Rows with the same prompt go together: no test prompt is a training prompt.

        Returns:
            The rows, and the highest rank of a test prompt.
        """
        ranks = sorted({self._rank(row.key) for row in rows})
        if len(ranks) < 2:
            count = "one row" if len(rows) == 1 else f"{len(rows)} rows of one prompt"
            raise InputError(
                f"{origin}: has {count}; expected at least two prompts, to split into train and "
                "test",
                key=f"{self._key}.path",
            )
        tests = min(max(1, round(fraction * len(ranks))), len(ranks) - 1)
        border = ranks[tests - 1]
        test = [self._rank(row.key) <= border for row in rows]
        return {
            "train": [row for row, is_test in zip(rows, test, strict=True) if not is_test],
            "test": [row for row, is_test in zip(rows, test, strict=True) if is_test],
        }, border

    def _rank(self, key: str) -> bytes:
        """A place in a random order that follows from the seed and the prompt alone."""
        seed = f"{self._source.seed}/split/".encode()
        return hashlib.blake2b(seed + key.encode(), digest_size=16).digest()
