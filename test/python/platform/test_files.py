"""Digests of files and folders."""

import hashlib
from pathlib import Path

from averse_worker.platform.files import file_digest, folder_bytes, folder_digests


def test_a_folder_is_its_files_by_path(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.bin").write_bytes(b"22")
    (tmp_path / "one.txt").write_bytes(b"1")
    (tmp_path / "empty").mkdir()
    digests = folder_digests(tmp_path)
    assert list(digests) == ["b/two.bin", "one.txt"]
    assert digests["one.txt"] == hashlib.sha256(b"1").hexdigest()
    assert digests["b/two.bin"] == file_digest(tmp_path / "b" / "two.bin")
    assert folder_bytes(tmp_path) == 3
