"""The file of keys: read whole or refused, and never quoted."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import zmq

from averse_worker.wire.keys import read_keys

SECRET = zmq.curve_keypair()[1].decode()
GOOD = {
    "server_public": zmq.curve_keypair()[0].decode(),
    "client_public": zmq.curve_keypair()[0].decode(),
    "client_secret": SECRET,
}


def write(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "keys.json"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    keys = read_keys(write(tmp_path, json.dumps(GOOD).encode()))
    assert keys.client_secret.decode() == SECRET
    assert SECRET not in repr(keys)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surprise": 1}, "surprise"),
        ({"client_secret": SECRET[:-1]}, "client_secret"),
        ({"client_secret": SECRET + "a"}, "client_secret"),
        ({"client_secret": "\\" + SECRET[1:]}, "client_secret"),
        ({"server_public": 7}, "server_public"),
    ],
)
def test_anything_else_is_refused_without_quoting_it(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = write(tmp_path, json.dumps({**GOOD, **change}).encode())
    with pytest.raises(ValueError, match=words) as caught:
        read_keys(path)
    assert SECRET[1:-1] not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b'{"server_public": "\xff"}'])
def test_what_is_no_file_of_keys_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match="is not a key file"):
        read_keys(write(tmp_path, content))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ValueError, match="expected 600"):
        read_keys(write(tmp_path, json.dumps(GOOD).encode(), mode))


def test_standard_input_may_stand_for_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for content, words in ((json.dumps(GOOD).encode(), None), (b"[]", "standard input is not")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        if words is None:
            assert read_keys(Path("-")).client_secret.decode() == SECRET
        else:
            with pytest.raises(ValueError, match=words):
                read_keys(Path("-"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read the keys: .*nowhere"):
        read_keys(tmp_path / "nowhere")
