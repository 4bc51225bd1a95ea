"""The other end of ssh: files that come whole, in part, damaged, twice; and room for them."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from averse_worker.platform import file_cache

CONTENT = os.urandom(100_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FOLDER = {
    "digest": "tree",
    "folders": ["model"],
    "files": {"model/weights": [DIGEST, len(CONTENT)]},
}


def asked(root: Path, request: dict[str, object], *pieces: bytes) -> tuple[list[bytes], int]:
    """Lines of the answer after the first, and the exit code."""
    done = subprocess.run(
        [sys.executable, "-IS", file_cache.__file__, str(root)],
        input=b"".join([json.dumps(request).encode(), b"\n", *pieces]),
        stdout=subprocess.PIPE,
        check=False,
    )
    ready, *lines = done.stdout.split(b"\n")
    assert ready == file_cache.READY.encode()
    return lines, done.returncode


def place(root: Path, *pieces: bytes, limit_bytes: int = 10**9) -> tuple[list[object], int]:
    request = {"action": "place", "limit_bytes": limit_bytes, "folders": [FOLDER]}
    lines, code = asked(root, request, *pieces)
    return [json.loads(line) for line in lines if line], code


def test_a_file_that_came_in_part_goes_on_where_it_ended_and_is_sent_once(tmp_path: Path) -> None:
    answers, code = place(tmp_path, CONTENT[:60_000])
    assert (answers, code) == ([{"there": False}, {"offset": 0}], 1)
    answers, _ = place(tmp_path, CONTENT[60_000:])
    root = str(tmp_path / "folders")
    assert answers == [{"there": False}, {"offset": 60_000}, {"root": root}]
    assert (tmp_path / "folders/tree/model/weights").read_bytes() == CONTENT
    assert place(tmp_path)[0] == [{"there": True}, {"root": root}]


def test_what_does_not_have_its_digest_is_refused_and_sent_anew(tmp_path: Path) -> None:
    _, code = place(tmp_path, bytes(len(CONTENT)))
    assert code == file_cache.REFUSED
    assert place(tmp_path, CONTENT)[0][1] == {"offset": 0}


def test_what_a_worker_wrote_is_given_from_an_offset_and_kept_by_its_digest(tmp_path: Path) -> None:
    asked(tmp_path, {"action": "make", "path": "s/1/step"})
    written = tmp_path / "sessions/s/1/step/weights"
    written.write_bytes(CONTENT)
    fetch = {"action": "fetch", "path": "s/1/step", "files": {"weights": 90_000}}
    lines, _ = asked(tmp_path, fetch)
    assert json.loads(lines[0]) == {"bytes": {"weights": len(CONTENT)}}
    assert b"\n".join(lines[1:]) == CONTENT[90_000:]
    assert written.exists(), "nobody said that it came"
    asked(tmp_path, fetch, b'{"received": 1}\n')
    assert not written.parent.exists()
    answers, _ = place(tmp_path)
    assert answers[1] == {"offset": len(CONTENT)}


def test_room_is_made_of_what_was_not_used_for_longest(tmp_path: Path) -> None:
    place(tmp_path, CONTENT)
    other = tmp_path / "files" / "other"
    other.write_bytes(CONTENT)
    place(tmp_path, limit_bytes=1)
    assert other.exists(), "used within a day"
    os.utime(other, (0, 0))
    place(tmp_path, limit_bytes=150_000)
    assert not other.exists()
    os.utime(tmp_path / "folders/tree", (0, 0))
    os.utime(tmp_path / "files" / DIGEST, (0, 0))
    answers, _ = place(tmp_path, CONTENT, limit_bytes=1)
    assert answers[1] == {"offset": 0}
