"""Local files of every format: the same rows from each, and faults named by file and line."""

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.data import reading, unique_keys
from averse_worker.data.reading import open_table
from averse_worker.wire.errors import InputError

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(['"', ",", "\t", "\n", "\r"]),
    max_size=20,
)
ROWS = st.lists(st.fixed_dictionaries({"text": TEXT, "label": TEXT}), min_size=1, max_size=6)


def read(path: Path) -> list[dict[str, Any]]:
    return [record.columns for record in open_table(path, "data.path").records()]


def lines(path: Path) -> list[int]:
    return [record.line for record in open_table(path, "data.path").records()]


def as_csv(rows: list[dict[str, str]], delimiter: str = ",") -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def as_lines(rows: list[dict[str, str]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


WRITERS: dict[str, Callable[[list[dict[str, str]]], bytes]] = {
    "jsonl": as_lines,
    "ndjson": as_lines,
    "json": lambda rows: json.dumps(rows, indent=1).encode(),
    "csv": as_csv,
    "tsv": lambda rows: as_csv(rows, "\t"),
}


@pytest.mark.parametrize("form", WRITERS)
@given(ROWS)
def test_every_text_format_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, form: str, rows: list[dict[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("rows") / f"rows.{form}"
    path.write_bytes(WRITERS[form](rows))
    assert read(path) == rows


ROW = [{"text": "naïve, “quoted”", "label": "1"}, {"text": "two\nlines", "label": "0"}]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_tables_give_back_what_was_written_with_the_names_of_classes(
    tmp_path: Path, form: str
) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    rows = [{"text": row["text"], "label": int(row["label"])} for row in ROW] * 3000
    data = Dataset.from_list(rows, features=features)
    path = tmp_path / f"rows.{form}"
    if form == "parquet":
        data.to_parquet(path)
    else:
        data.save_to_disk(tmp_path / "saved")
        (tmp_path / "saved/data-00000-of-00001.arrow").rename(path)
    assert read(path) == rows
    assert lines(path) == list(range(1, 6001))
    assert open_table(path, "data.path").classes == {"label": ["neg", "pos"]}


def zstd(raw: bytes) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(raw)
    return bytes(sink.getvalue())


def zipped(raw: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("rows.csv", raw)
    return sink.getvalue()


COMPRESSED = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "zst": zstd,
    "zip": zipped,
}


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("form", WRITERS)
def test_compressed_files_read_as_they_are_inside(
    tmp_path: Path, form: str, compression: str
) -> None:
    path = tmp_path / f"rows.{form}.{compression}"
    whole = COMPRESSED[compression](WRITERS[form](ROW))
    path.write_bytes(whole)
    assert read(path) == ROW
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=f"cannot be decompressed .* and .{compression}"):
        read(path)


@pytest.mark.parametrize("form", [*WRITERS, "txt"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_marks_of_the_encoding_and_line_ends_of_windows_are_read(
    tmp_path: Path, form: str, encoding: str, ends: str
) -> None:
    plain = [{"text": "naïve", "label": "1"}, {"text": "second", "label": "0"}]
    raw = b"naive\nsecond\n" if form == "txt" else WRITERS[form](plain)
    if form == "txt":
        plain = [{"text": "naive"}, {"text": "second"}]
    text = raw.decode().replace("\r\n", "\n").replace("\n", ends)
    if encoding == "utf-16-be":
        text = "\ufeff" + text
    path = tmp_path / f"rows.{form}"
    path.write_bytes(text.encode(encoding))
    assert read(path) == plain


def test_lines_are_counted_through_blank_ones_and_quoted_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('text,label\n"one\ntwo",1\n\nthree,0\n')
    assert lines(path) == [2, 5]
    path = tmp_path / "rows.json"
    path.write_text('[\n\n{"text": "a"},\n  {"text":\n "b"}\n, {"text": "c"}]')
    assert lines(path) == [3, 4, 6]
    path = tmp_path / "rows.jsonl"
    path.write_text('\n{"text": "a"}\n\n{"text": "b"}')
    assert lines(path) == [2, 4]


def test_json_may_hold_one_array_or_be_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"version": "1", "data": [{"text": "a"}, {"text": "b"}]}')
    assert read(path) == [{"text": "a"}, {"text": "b"}]
    path.write_text('{"text": "a"}\n{"text": "b"}\n')
    assert read(path) == [{"text": "a"}, {"text": "b"}]
    path.write_text('{"text": "alone"}')
    assert read(path) == [{"text": "alone"}]
    # The array is a member of its object: its name may stand elsewhere.
    path.write_text('{"about": {"data": [1]},\n"name": "data", "data": [\n{"text": "a"}]}')
    assert (read(path), lines(path)) == ([{"text": "a"}], [3])
    path.write_text('{"messages": [{"role": "user"}], "text": "a"}')
    assert read(path) == [{"messages": [{"role": "user"}], "text": "a"}]
    path.write_text('{"a": [{"x": 1}], "b": [{"y": {}}, 2]}')
    assert read(path) == [{"a": [{"x": 1}], "b": [{"y": {}}, 2]}]


@pytest.mark.parametrize("whole", ['{"n": 1, "rows": [%s]}', "[%s]"])
def test_an_entry_of_json_is_decoded_once(
    tmp_path: Path, whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.json"
    path.write_text(whole % ", ".join(['{"text": "a"}'] * 5))
    decoded = []
    hook = unique_keys.UNIQUE_KEYS.object_pairs_hook
    counting = json.JSONDecoder(object_pairs_hook=lambda pairs: decoded.append(1) or hook(pairs))
    monkeypatch.setattr(reading, "UNIQUE_KEYS", counting)
    assert len(read(path)) == len(decoded) == 5


def test_quotes_in_tab_separated_files_are_characters_where_they_cannot_be_quoting(
    tmp_path: Path,
) -> None:
    path = tmp_path / "tweets.tsv"
    path.write_text('id\ttweet\n1\t"Hello" she said\n2\tan " alone\n')
    assert [row["tweet"] for row in read(path)] == ['"Hello" she said', 'an " alone']


def test_a_line_of_ten_megabytes_is_a_line(tmp_path: Path) -> None:
    long = "word " * 2_000_000
    for form in ("jsonl", "csv", "txt"):
        path = tmp_path / f"rows.{form}"
        path.write_bytes(long.encode() if form == "txt" else WRITERS[form]([{"text": long}]))
        [row] = read(path)
        assert row["text"] == long


WRONG = [
    ("rows.csv", "text,label\na,1\nb\n", r"rows.csv:3: has 1 fields, expected 2 \(text, label\)"),
    ("rows.csv", 'text,label\n"a"b,1\n', r"rows.csv:2: is not CSV"),
    ("rows.csv", 'text\n"never closed\n', "rows.csv:2: is not CSV"),
    ("rows.csv", "text,text\na,b\n", "rows.csv:1: has the column 'text' twice"),
    ("rows.csv", "text,label\n", "rows.csv: is empty"),
    ("rows.csv", "text;label\na;1\n", r"rows.csv:1: has one column, 'text;label', with ';' in its"),
    ("rows.csv", "text\tlabel\na\t1\n", r"rows.csv:1: has one column, .*expected commas"),
    ("rows.tsv", "text,label\na,1\n", r"rows.tsv:1: has one column, .*expected tabs"),
    ("rows.csv", b"text\nfine\n\xff\n", "rows.csv:3: is not UTF-8 at byte 1"),
    ("rows.tsv", "a\tb\n1\t2\t3\n", "rows.tsv:2: has 3 fields, expected 2"),
    ("rows.json", '[{"text": "a"},\n{"text": }]', "rows.json:2: is not JSON"),
    ("rows.json", '[{"text": "a"}\n{"text": "b"}]', r"rows.json:2: is not JSON \(expected a comma"),
    ("rows.json", '[{"text": "a"},\n5]', "rows.json:2: is a JSON int"),
    ("rows.json", "", "rows.json: is empty"),
    ("rows.json", '[{"a": 1}]\n[{"a": 2}]', "rows.json:2: has text behind the array"),
    ("rows.json", '[{"a": 1},\n]', r"rows.json:2: is not JSON \(Expecting value"),
    ("rows.json", '{"a": [{"b": 1}],\n}', r"rows.json:2: is not JSON \(Expecting value"),
    ("rows.json", '{"a": 1,\n2: 3}', "rows.json:2: is not JSON .expected a name in quotes and"),
    ("rows.json", '{"a": 1,\n"b" 3}', "rows.json:2: is not JSON .expected a name in quotes and"),
    ("rows.json", '{"a": [{"b": 1}', "rows.json:1: is not JSON .expected a comma or ]"),
    ("rows.json", '{"a": 1', "rows.json:1: is not JSON .expected a comma or }"),
    ("rows.csv", ",text,\n1,b,2\n", "rows.csv:1: has the column '' twice"),
    ("rows.txt", "\n \n", "rows.txt: is empty"),
    ("rows.parquet", "no table", "rows.parquet: cannot be read as Parquet"),
    ("rows.arrow", "no table", "rows.arrow: cannot be read as Arrow"),
    ("rows.parquet.gz", "x", "rows.parquet.gz: .gz on .parquet is not supported"),
    (
        "rows.jsonl",
        '{"a": 1}\n{"label": 1, "label": 0}\n',
        "rows.jsonl:2: has the key 'label' twice",
    ),
    (
        "rows.jsonl",
        '{"a": [{"b": {"c": 1, "c": 1}}]}',
        "rows.jsonl:1: has the key 'c' twice in one",
    ),
    ("rows.json", '[{"a": 1},\n{"a": 1, "\\u0061": 2}]', "rows.json:2: has the key 'a' twice"),
    ("rows.json", '{"n": 1, "rows":\n[{"a": 1, "a": 2}]}', "rows.json:2: has the key 'a' twice"),
    (
        "rows.json",
        '{"rows": [{"a": 1}], "rows": [{"a": 2}]}',
        "rows.json:1: has the key 'rows' twice",
    ),
    ("rows.json", '\n{"a": 1, "a": 2}', "rows.json:2: has the key 'a' twice"),
    ("rows.json", '{"a": 1}\n{"a": 1, "a": 2}', "rows.json:2: has the key 'a' twice"),
    ("rows.docx", "x", r"rows.docx: its name ends with no known format; expected .jsonl, "),
    ("rows.jsonl", b'\xff\xfe{\x00"\x00\x00\xd8\n\x00', "rows.jsonl:1: is not UTF-16 here"),
]


@pytest.mark.parametrize(("name", "content", "told"), WRONG)
def test_faults_are_named_by_file_and_line(
    tmp_path: Path, name: str, content: str | bytes, told: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=told) as caught:
        read(path)
    assert caught.value.key == "data.path"


def test_a_table_has_each_column_once(tmp_path: Path) -> None:
    one, two = pyarrow.array([1]), pyarrow.array([2])
    struct = pyarrow.StructArray.from_arrays([one, two], names=["x", "x"])
    tables = {
        "": pyarrow.table([one, two], names=["", ""]),
        "a": pyarrow.table([one, two], names=["a", "a"]),
        "s.x": pyarrow.table([struct], names=["s"]),
    }
    for column, table in tables.items():
        for form in ("parquet", "arrow"):
            path = tmp_path / f"rows.{form}"
            if form == "parquet":
                pyarrow.parquet.write_table(table, path)
            else:
                with pyarrow.ipc.new_stream(path, table.schema) as writer:
                    writer.write_table(table)
            with pytest.raises(InputError, match=f"has the column '{column}' twice; rename one"):
                read(path)


def test_a_name_with_a_dot_is_not_a_field(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    rows = [{"a.b": 1, "a": {"b": 2}}]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert read(path) == rows


def test_a_json_column_of_a_table_has_each_key_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    column = pyarrow.array(['{"a": 1}', '{"a": 1, "a": 2}', None], pyarrow.json_())
    pyarrow.parquet.write_table(pyarrow.table({"j": column}), path)
    with pytest.raises(InputError, match=r"rows.parquet:2: .j. has the key 'a' twice"):
        read(path)
    pyarrow.parquet.write_table(pyarrow.table({"j": column.take([0, 2])}), path)
    assert read(path) == [{"j": {"a": 1}}, {"j": None}]


def test_an_archive_holds_one_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "text\na\n")
        archive.writestr("b.csv", "text\nb\n")
    with pytest.raises(InputError, match="holds 2 files; expected exactly one"):
        read(path)
