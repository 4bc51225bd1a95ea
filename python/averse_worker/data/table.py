"""What every source of rows is read as."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file, by column."""

    line: int
    """from 1; of Parquet, Arrow and data sets the number of the row"""
    columns: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A file's records, read as they are asked for."""

    origin: str
    """for messages"""
    records: Callable[[], Iterator[Record]]
    classes: dict[str, list[str]]
    """column → names of its numbered classes, as data sets of the hub have them"""
