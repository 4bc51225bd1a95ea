"""`python -IS file_cache.py CACHE` takes and gives files over stdin and stdout, by their digests.

The other end of ssh where a controller and its worker share no folder. What is there already is not
sent again, and a file that came in part goes on where it ended.

    CACHE/files/<sha256>         whole files
    CACHE/files/<sha256>.part    what has come of one
    CACHE/folders/<sha256>/…     what a worker reads: links to whole files
    CACHE/sessions/<session>/…   what a worker writes, until it has been fetched

Requests are lines of JSON, one after the other. `place` is answered line by line, with the bytes
of files in between; `make` with one line; `fetch` with one line and bytes, and ends with a line
from the other side. A file to be run by its path: it needs Python alone.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

READY = "averse file cache 1"
"""First line of the answer; a login shell may have printed lines before it."""

REFUSED = 96
"""Exit code for what this machine cannot do."""

PIECE_BYTES = 1 << 20
DAY_SECONDS = 86_400


class Cache:
    def __init__(self, root: Path, source: BinaryIO, sink: BinaryIO) -> None:
        self.root = root
        self.files = root / "files"
        self.folders = root / "folders"
        self.sessions = root / "sessions"
        self._source = source
        self._sink = sink

    def serve(self) -> None:
        """Answers requests for as long as there are any.

        Raises:
            EOFError: the other side went in the middle of one. What came is kept.
            OSError: of the file system.
        """
        for folder in (self.files, self.folders, self.sessions):
            folder.mkdir(parents=True, exist_ok=True)
        # Models and data may be for this user alone.
        self.root.chmod(0o700)
        self._sink.write(f"{READY}\n".encode())
        while line := self._source.readline():
            self._serve(json.loads(line))

    def _serve(self, request: dict[str, Any]) -> None:
        match request["action"]:
            case "place":
                self._make_room(request["limit_bytes"])
                for folder in request["folders"]:
                    self._place(folder)
                self._answer({"root": str(self.folders.resolve())})
            case "make":
                made = self.sessions / request["path"]
                made.mkdir(parents=True)
                self._answer({"path": str(made.resolve())})
            case "fetch":
                self._fetch(self.sessions / request["path"], request["files"])

    def _place(self, folder: dict[str, Any]) -> None:
        """Makes a folder of links, once every file of it is there."""
        target = self.folders / folder["digest"]
        there = target.is_dir()
        self._answer({"there": there})
        if there:
            os.utime(target)
            return
        making = Path(tempfile.mkdtemp(dir=self.folders, prefix=".making-"))
        try:
            for name in folder["folders"]:
                (making / name).mkdir(parents=True, exist_ok=True)
            for name, (digest, size) in folder["files"].items():
                link = making / name
                link.parent.mkdir(parents=True, exist_ok=True)
                self._take(name, digest, size, link)
            try:
                making.rename(target)
            except OSError:
                # Another session made the very same in the meantime.
                if not target.is_dir():
                    raise
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _take(self, name: str, digest: str, size: int, link: Path) -> None:
        stored = self.files / digest
        if _linked(stored, link):
            self._answer({"offset": size})
            return
        path = self.files / f"{digest}.part"
        with path.open("a+b") as part:
            # Trials side by side may send the same: the second one waits for the first.
            fcntl.flock(part, fcntl.LOCK_EX)
            if _linked(stored, link):
                self._answer({"offset": size})
                return
            if part.seek(0, os.SEEK_END) > size:
                part.truncate(0)
            part.seek(0)
            found = hashlib.sha256()
            while piece := part.read(PIECE_BYTES):
                found.update(piece)
            offset = part.tell()
            self._answer({"offset": offset})
            while offset < size:
                piece = self._source.read(min(PIECE_BYTES, size - offset))
                if not piece:
                    raise EOFError
                part.write(piece)
                found.update(piece)
                offset += len(piece)
            part.flush()
            os.fsync(part.fileno())
            if found.hexdigest() != digest:
                part.truncate(0)
                refuse(f"{name} did not arrive as it was sent, or has changed meanwhile; try again")
            path.rename(stored)
            link.hardlink_to(stored)

    def _fetch(self, folder: Path, files: dict[str, int]) -> None:
        """Sends files from an offset each; once they came they are kept by their digests."""
        self._answer({"bytes": {name: (folder / name).stat().st_size for name in files}})
        digests = {}
        for name, offset in files.items():
            found = hashlib.sha256()
            position = 0
            with (folder / name).open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    found.update(piece)
                    self._sink.write(piece[max(0, offset - position) :])
                    position += len(piece)
            digests[name] = found.hexdigest()
        self._sink.flush()
        if not self._source.readline().endswith(b"\n"):
            raise EOFError
        for name, digest in digests.items():
            stored = self.files / digest
            if not stored.exists():
                (folder / name).rename(stored)
            os.utime(stored)
        shutil.rmtree(folder)

    def _make_room(self, limit_bytes: int) -> None:
        """Removes what was not used for the longest time; nothing that was used within a day."""
        old = time.time() - DAY_SECONDS
        for folder in (*self.sessions.iterdir(), *self.folders.glob(".making-*")):
            if folder.stat().st_mtime < old:
                shutil.rmtree(folder, ignore_errors=True)
        while True:
            files = [(path, path.stat()) for path in self.files.iterdir()]
            if sum(facts.st_size for _, facts in files) <= limit_bytes:
                return
            loose = [
                (facts.st_mtime, path)
                for path, facts in files
                if facts.st_nlink == 1 and facts.st_mtime < old
            ]
            folders = [(path.stat().st_mtime, path) for path in self.folders.iterdir()]
            folders = [one for one in folders if one[0] < old]
            if loose:
                min(loose)[1].unlink()
            elif folders:
                shutil.rmtree(min(folders)[1])
            else:
                return

    def _answer(self, answer: dict[str, Any]) -> None:
        self._sink.write(json.dumps(answer).encode() + b"\n")
        self._sink.flush()


def _linked(stored: Path, link: Path) -> bool:
    """Whether the file is there, and so linked."""
    try:
        link.hardlink_to(stored)
    except FileNotFoundError:
        return False
    os.utime(stored)
    return True


def refuse(words: str) -> NoReturn:
    """Ends this process with words for the user."""
    print(f"averse: {words}", file=sys.stderr)
    sys.exit(REFUSED)


def main(root: str) -> None:
    """Serves the other side until it is gone."""
    cache = Cache(Path(root).expanduser(), sys.stdin.buffer, sys.stdout.buffer)
    try:
        cache.serve()
    except (EOFError, BrokenPipeError):
        # Nobody is there to be told.
        os._exit(1)
    except OSError as error:
        refuse(f"{error.filename or root}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1])
