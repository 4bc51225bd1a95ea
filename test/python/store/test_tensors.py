"""Tensors that some processes wrote are read by any others."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.platform.ranks import ALONE, Ranks, part_of
from averse_worker.store.tensors import Rows, save_tensors, saved_tensors
from averse_worker.wire.errors import InputError


@dataclass(frozen=True)
class Place:
    """All that writing needs to know."""

    rank: int
    count: int
    sharded: bool = True


def save_in_parts(folder: Path, tensors: dict[str, Any], count: int) -> None:
    for rank in range(count):
        own, rows = {}, {}
        for name, tensor in tensors.items():
            if tensor.dim() == 0:
                own[name] = tensor
                continue
            mine = part_of(tensor.shape[0], rank, count)
            own[name], rows[name] = tensor[mine], Rows(mine.start, tensor.shape[0])
        save_tensors(folder, "weights", own, rows, cast(Ranks, Place(rank, count)))


@given(
    rows=st.integers(1, 20),
    writers=st.integers(1, 5),
    readers=st.integers(1, 5),
    seed=st.integers(0),
)
def test_any_number_reads_what_any_number_wrote(
    rows: int, writers: int, readers: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        "matrix": torch.randn((rows, 3), generator=generator),
        "vector": torch.randn(rows, generator=generator).bfloat16(),
        "scalar": torch.tensor(float(rows)),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_in_parts(folder, tensors, writers)
        with saved_tensors(folder, "weights") as saved:
            assert saved.shapes == {key: tuple(tensor.shape) for key, tensor in tensors.items()}
            for key, tensor in tensors.items():
                assert torch.equal(saved.read(key), tensor)
                if tensor.dim() == 0:
                    continue
                for reader in range(readers):
                    part = part_of(rows, reader, readers)
                    assert torch.equal(saved.read(key, part), tensor[part])


def check_refused(folder: Path, name: str, why: str) -> None:
    with pytest.raises(InputError, match=why), saved_tensors(folder, name):
        pass


def test_one_process_writes_one_file_and_damage_is_told(tmp_path: Path) -> None:
    tensors = {"matrix": torch.ones(4, 3)}
    save_tensors(tmp_path, "weights", tensors, {}, ALONE)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]
    with saved_tensors(tmp_path, "weights") as saved:
        assert torch.equal(saved.read("matrix", slice(1, 3)), torch.ones(2, 3))
    check_refused(tmp_path, "average", r"average\.safetensors: cannot be read")
    (tmp_path / "weights.safetensors").unlink()
    save_in_parts(tmp_path, tensors, 3)
    (first, second, third) = sorted(tmp_path.iterdir())
    first.unlink()
    check_refused(tmp_path, "weights", r"weights-00001-of-00003\.safetensors is missing")
    # A part of another checkpoint in its place.
    save_in_parts(tmp_path, {"matrix": torch.ones(5, 3)}, 3)
    third.write_bytes(second.read_bytes())
    check_refused(tmp_path, "weights", "rows of matrix are missing")
