"""Named tensors in a folder, as safetensors: in one file, or a file from each of several processes.

    weights.safetensors                    one process
    weights-00001-of-00002.safetensors     two, each with some rows of every tensor, and
    weights-00002-of-00002.safetensors     in its header which: `rows` = {name: [first, total]}

However they were written, any number of processes reads from them the rows that it wants.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from averse_worker.platform.ranks import Ranks
from averse_worker.wire.errors import InputError

_PART: Final = re.compile(r"-(\d{5})-of-(\d{5})\.safetensors$")
_ROWS: Final = "rows"


class Rows(NamedTuple):
    """The rows of a tensor that a process has, along its first dimension."""

    first: int
    total: int
    """of all processes"""


def save_tensors(
    folder: Path, name: str, tensors: Mapping[str, Tensor], rows: Mapping[str, Rows], ranks: Ranks
) -> None:
    """Writes this process's tensors, or those of `rank` 0 alone where none is divided.

    Args:
        rows: of the tensors that are divided; of the others all processes have the same.
    """
    own = {
        key: tensor.detach().cpu().contiguous()
        for key, tensor in tensors.items()
        if key in rows or ranks.rank == 0
    }
    if not ranks.sharded:
        save_file(own, folder / f"{name}.safetensors")
        return
    path = folder / f"{name}-{ranks.rank + 1:05}-of-{ranks.count:05}.safetensors"
    places = {key: rows[key] for key in own if key in rows}
    save_file(own, path, {_ROWS: json.dumps(places)})


@dataclass(frozen=True)
class _Piece:
    """Some rows of a tensor, in one file."""

    file: Any
    first: int
    shape: tuple[int, ...]


class SavedTensors:
    """The tensors of one name in a folder."""

    def __init__(self, folder: Path, name: str, files: Mapping[Path, Any]) -> None:
        self._pieces: dict[str, list[_Piece]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        """of the whole tensors"""
        self.path = folder / f"{name}.safetensors"
        """for messages"""
        for file in files.values():
            places = json.loads((file.metadata() or {}).get(_ROWS, "{}"))
            found = msgspec.convert(places, dict[str, tuple[int, int]])
            for key in file.keys():  # noqa: SIM118 — no mapping
                shape = tuple(file.get_slice(key).get_shape())
                first, total = found.get(key, (0, shape[0] if shape else 0))
                self._pieces.setdefault(key, []).append(_Piece(file, first, shape))
                self.shapes[key] = (total, *shape[1:]) if shape else shape
        for key, pieces in self._pieces.items():
            pieces.sort(key=lambda piece: piece.first)
            end = 0
            for piece in pieces:
                if piece.first != end:
                    break
                end += piece.shape[0] if piece.shape else 0
            if end != (self.shapes[key] or (0,))[0]:
                raise ValueError(f"rows of {key} are missing")

    def read(self, key: str, rows: slice | None = None) -> Tensor:
        """A tensor, or some of its rows."""
        pieces = self._pieces[key]
        if not self.shapes[key]:
            whole: Tensor = pieces[0].file.get_tensor(key)
            return whole
        start, stop, _ = (rows or slice(None)).indices(self.shapes[key][0])
        found = [
            piece.file.get_slice(key)[max(start - piece.first, 0) : stop - piece.first]
            for piece in pieces
            if piece.first < stop and start < piece.first + piece.shape[0]
        ]
        if not found:
            found = [pieces[0].file.get_slice(key)[:0]]
        return found[0] if len(found) == 1 else torch.cat(found)


@contextlib.contextmanager
def saved_tensors(folder: Path, name: str) -> Iterator[SavedTensors]:
    """Opens what `save_tensors` wrote, for the block.

    Raises:
        InputError: a file is missing or damaged.
    """
    path = folder / f"{name}.safetensors"
    with contextlib.ExitStack() as stack:
        try:
            paths = _paths(folder, name)
            files = {path: stack.enter_context(safe_open(path, framework="pt")) for path in paths}
            saved = SavedTensors(folder, name, files)
        except (OSError, SafetensorError, ValueError) as error:
            raise damaged(path, error) from error
        yield saved


def _paths(folder: Path, name: str) -> list[Path]:
    """The file, or all parts in order."""
    parts = sorted(path for path in folder.glob(f"{name}-*") if _PART.search(path.name))
    if not parts:
        return [folder / f"{name}.safetensors"]
    count = int(_PART.search(parts[0].name)[2])  # type: ignore[index]
    names = [f"{name}-{place:05}-of-{count:05}.safetensors" for place in range(1, count + 1)]
    if [path.name for path in parts] != names:
        missing = sorted(set(names) ^ {path.name for path in parts})
        raise ValueError(f"{missing[0]} is missing or of another checkpoint")
    return parts


def damaged(path: Path, error: Exception) -> InputError:
    """The error of a file of a checkpoint that cannot be read."""
    return InputError(
        f"{path}: cannot be read ({error}); the checkpoint is incomplete or damaged: use another"
    )
