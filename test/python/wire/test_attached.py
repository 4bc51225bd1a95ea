"""The file that a worker started by hand shares with its controllers."""

import json
from pathlib import Path
from typing import Any

import pytest
import zmq

from averse_worker.wire.attached import read_slots

PUBLIC, SECRET = (key.decode() for key in zmq.curve_keypair())
GOOD: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 4711,
    "workers": 2,
    "session": "an-id",
    "server_public": PUBLIC,
    "server_secret": SECRET,
    "client_public": PUBLIC,
    "client_secret": SECRET,
}


def write(folder: Path, content: object, mode: int = 0o600) -> Path:
    path = folder / "attach.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    path.chmod(mode)
    return path


def test_every_worker_has_a_port_of_its_own_and_the_keys_of_a_session(tmp_path: Path) -> None:
    slots = read_slots(write(tmp_path, GOOD))
    assert [slot.endpoint for slot in slots] == ["tcp://127.0.0.1:4711", "tcp://127.0.0.1:4712"]
    keys = json.loads(slots[0].keys)
    assert sorted(keys) == ["client_public", "client_secret", "server_public"]


def test_an_ipv6_address_is_written_as_zeromq_does(tmp_path: Path) -> None:
    slots = read_slots(write(tmp_path, {**GOOD, "host": "::1"}))
    assert slots[0].endpoint == "tcp://[::1]:4711"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({**GOOD, "workers": 0}, "workers"),
        ({**GOOD, "port": 70_000}, "port"),
        ({**GOOD, "client_secret": "short"}, "client_secret"),
        ({**GOOD, "surprise": 1}, "surprise"),
        ([], "is no file of"),
    ],
)
def test_anything_else_is_refused_without_quoting_a_key(
    tmp_path: Path, content: object, words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read_slots(write(tmp_path, content))
    assert SECRET not in str(caught.value)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected 600"):
        read_slots(write(tmp_path, GOOD, 0o644))
