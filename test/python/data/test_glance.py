"""The columns of a file by its first rows."""

import gzip
import json
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from averse_worker.data.glance import glance, main

ROWS = [
    {"id": i, "text": f"a film, number {i}", "label": ["bad", "good"][i % 2], "score": i / 100}
    for i in range(60)
]


def write(path: Path, kind: str) -> Path:
    file = path / f"rows.{kind}"
    match kind:
        case "csv" | "tsv":
            mark = "," if kind == "csv" else "\t"
            lines = [mark.join(ROWS[0])] + [
                mark.join(f'"{value}"' for value in row.values()) for row in ROWS
            ]
            # Excel begins its files so, and ends lines so.
            file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
        case "jsonl":
            file.write_text("\n".join(json.dumps(row) for row in ROWS))
        case "jsonl.gz":
            file.write_bytes(gzip.compress("\n".join(map(json.dumps, ROWS)).encode()))
        case "jsonl.zip":
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("rows.jsonl", "\n".join(map(json.dumps, ROWS)))
        case "json":
            file.write_text(json.dumps(ROWS, indent=2))
        case "parquet":
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), file)
    return file


@pytest.mark.parametrize(
    "kind", ["csv", "tsv", "jsonl", "jsonl.gz", "jsonl.zip", "json", "parquet"]
)
def test_columns_are_the_same_whatever_the_file(tmp_path: Path, kind: str) -> None:
    found = glance(write(tmp_path, kind))
    columns = {column.pop("name"): column for column in found["columns"]}
    assert found["rows"] == 60
    assert list(columns) == ["id", "text", "label", "score"]
    assert columns["id"] == {"type": "number", "values": None, "length": 0}
    assert columns["text"]["type"] == "text"
    assert columns["text"]["values"] is None
    assert 16 < columns["text"]["length"] < 18
    assert columns["label"] == {"type": "text", "values": ["bad", "good"], "length": 3.5}
    assert columns["score"]["type"] == "number"


def test_messages_and_gaps_are_told(tmp_path: Path) -> None:
    file = tmp_path / "chat.jsonl"
    turn = [{"role": "user", "content": "hello"}]
    file.write_text(f"{json.dumps({'chat': turn})}\n\n{json.dumps({'chat': turn, 'x': [1]})}\n")
    assert [(one["name"], one["type"]) for one in glance(file)["columns"]] == [
        ("chat", "messages"),
        ("x", "other"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "a.csv: is empty"),
        ("a.jsonl", b"[1, 2", "a.jsonl:1: is not JSON"),
        ("a.jsonl", b"3\n", "a.jsonl:1: is a JSON int, expected an object"),
        ("a.jsonl", b'{"a": 1, "a": 2}\n', "has the key 'a' twice in one object"),
        ("a.csv", b"a,a\n1,2\n", "a.csv:1: has the column 'a' twice; rename one"),
        ("a.csv", b",text,\n1,b,2\n", "a.csv:1: has the column '' twice; rename one"),
        ("a.csv", b"a,b\n\xff\xfe,1\n", "a.csv:2: is not UTF-8"),
        ("a.parquet", b"nothing", "a.parquet: cannot be read as Parquet"),
        ("a.docx", b"", "ends with no known format"),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert main([str(tmp_path / name)]) == 1
    assert words in capsys.readouterr().err


def test_only_the_first_rows_are_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    file.write_text('{"a": 1}\n' * 1500 + '{"b": 1}\n')
    found = glance(file)
    assert [one["name"] for one in found["columns"]] == ["a"]
    assert found["rows"] == 1501
