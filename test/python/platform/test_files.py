"""Digests of files and folders."""

import errno
import hashlib
import os
import tempfile
from pathlib import Path

import pytest

from averse_worker.platform.files import (
    file_digest,
    folder_bytes,
    folder_digests,
    temporary_folder,
    write_whole,
)


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


def test_a_temporary_folder_is_there_after_the_system_emptied_tmp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone" / "tmp"))
    with temporary_folder("averse-x-") as folder:
        assert folder.parent == tmp_path / "gone" / "tmp"
        (folder / "file").touch()
    assert not folder.exists()


def test_a_file_that_cannot_be_replaced_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    write_whole(file, b"before")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"after")
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]
