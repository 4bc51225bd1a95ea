"""Files that the worker reads and writes: the built-in assets, digests, sizes and modes."""

import contextlib
import functools
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from averse_worker.wire.errors import InputError

ASSETS: Final = Path(__file__).parents[1] / "assets"
"""The built-in models, texts and grammar."""


def file_digest(path: Path) -> str:
    """SHA-256 of one file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """A file that is wholly there or not at all, also after a power cut.

    Raises:
        OSError: it cannot be written; what was there before is left as it was.
    """
    neighbour = path.with_name(f"{path.name}.tmp")
    try:
        with neighbour.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        neighbour.replace(path)
    except OSError:
        # On a full disk its bytes are room for others.
        neighbour.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder that is removed at the end, in TMPDIR, which is made again where it is gone.

    Systems empty /tmp of what was not touched for days, and a run may take longer.
    """
    Path(tempfile.gettempdir()).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        yield Path(folder)


RECORDS: Final = frozenset({"artifact.json", "digests.json"})
"""What the controller writes beside a model's files. No part of the model: made twice, the same
model has other times there."""


def folder_digests(folder: Path) -> dict[str, str]:
    """Path inside the folder (with forward slashes) → digest; all files but `RECORDS`, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): file_digest(path)
        for path in files
        if path.name not in RECORDS
    }


def file_stamps(path: Path) -> list[tuple[str, int, int, int]]:
    """Path, bytes, nanoseconds of the last change and inode of a file, or of all in a folder.

    Equal stamps: nobody has written to them since. Empty: there is nothing.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
    else:
        files = [path] if path.is_file() else []
    facts = [(str(file), file.stat()) for file in files]
    return [(name, one.st_size, one.st_mtime_ns, one.st_ino) for name, one in facts]


@functools.cache
def code_digest() -> str:
    """SHA-256 of this package's own source: what is trained follows from it, too."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in the folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def same_mode(folder: Path, plain: str) -> None:
    """Gives every file of `folder` the mode of the one named `plain`, which the umask chose.

    safetensors makes its files for the owner alone, whatever the umask.
    """
    mode = (folder / plain).stat().st_mode & 0o777
    for path in folder.iterdir():
        if path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)


def check_empty_folder(folder: Path) -> None:
    """Refuses to write where something is already.

    Raises:
        InputError: the folder does not exist or holds files already.
    """
    if not folder.is_dir() or any(folder.iterdir()):
        raise InputError(f"'{folder}' is not an existing, empty folder; create an empty one")
