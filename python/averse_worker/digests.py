"""SHA-256 of files: what a manifest says a model, a checkpoint or a data set was."""

import hashlib
from pathlib import Path


def file_digest(path: Path) -> str:
    """SHA-256 of one file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digests(folder: Path) -> dict[str, str]:
    """Path inside the folder (with forward slashes) → digest, of all its files, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in the folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
