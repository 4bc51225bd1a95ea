"""Data sets of the Hugging Face hub and folders of `save_to_disk`, read by `datasets`."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from averse_worker.data.arrow import arrow_records
from averse_worker.data.builtin import Split
from averse_worker.data.table import Record, Table
from averse_worker.platform.files import file_digest
from averse_worker.wire.errors import InputError, MissingEnvironment
from averse_worker.wire.messages.data import DataSplit, HubPlace

Tables = tuple[dict[Split, Table], dict[str, str]]
"""by split, and the digests of what was read"""

_ROWS_AT_ONCE: Final = 1000


def hub_tables(place: HubPlace, split: DataSplit, key: str) -> Tables:
    """The splits of a data set on the hub, from its cache where they are there.

    Raises:
        InputError: there is no such data set, configuration, revision or split.
        MissingEnvironment: the hub cannot be reached.
    """
    name = f"hub:{place.id}" + (f" ({place.config})" if place.config else "")
    # Imported here: a second, and most runs have local files.
    import datasets
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    def load(wanted: str | None) -> Any:
        return datasets.load_dataset(place.id, place.config, split=wanted, revision=place.revision)

    try:
        try:
            names = datasets.get_dataset_split_names(
                place.id, place.config, revision=place.revision
            )
        except ConnectionError:
            # What an earlier run has fetched is read from the cache, all splits of it at once.
            cached = load(None)
            names, load = list(cached), cached.__getitem__
        tables = _tables(load, names, split, name, key)
    except InputError:
        raise
    except (RepositoryNotFoundError, datasets.exceptions.DatasetNotFoundError) as error:
        raise InputError(
            f"{key}.hub is '{place.id}', and there is no such data set on the hub (or it is "
            "private, and no token of yours may read it)",
            key=f"{key}.hub",
        ) from error
    except RevisionNotFoundError as error:
        raise InputError(
            f"{name} has no revision '{place.revision}'", key=f"{key}.revision"
        ) from error
    except (ConnectionError, TimeoutError, OSError) as error:
        raise MissingEnvironment(
            f"the data set {name} cannot be had: the hub cannot be reached, and it is not in the "
            f"cache ({type(error).__name__}); download it once, or name local files in {key}.path",
            key=f"{key}.hub",
        ) from error
    except ValueError as error:  # an unknown configuration, among others
        words = " ".join(str(error).split())[:300]
        raise InputError(f"{name} cannot be read: {words}", key=f"{key}.config") from error
    read = {which: _table(data, f"{name}/{which}", f"{key}.hub") for which, data in tables.items()}
    return read, {f"{place.id}/{which}": _content_digest(table) for which, table in read.items()}


def saved_tables(folder: Path, split: DataSplit, key: str) -> Tables:
    """The splits of a folder that `save_to_disk` wrote; of one without splits, its rows.

    Raises:
        InputError: it is damaged, or has no such split.
    """
    import datasets

    try:
        found = datasets.load_from_disk(str(folder))
    except Exception as error:
        raise InputError(
            f"{folder}: cannot be read as a folder of datasets' save_to_disk "
            f"({type(error).__name__}); is it whole?",
            key=f"{key}.path",
        ) from error
    whole = isinstance(found, datasets.Dataset)
    if whole:
        for named in (split.train, split.test):
            if named is not None:
                raise InputError(
                    f"{folder}: has no splits, and so none called {named!r}; set {key}.split to a "
                    "fraction",
                    key=f"{key}.split",
                )
        tables: dict[Split, Any] = {"train": found}
    else:
        tables = _tables(found.__getitem__, list(found), split, str(folder), key)
    digests = {
        path.relative_to(folder).as_posix(): file_digest(path)
        for path in sorted(folder.rglob("*.arrow"))
    }
    return {
        which: _table(data, str(folder) if whole else f"{folder}/{which}", f"{key}.path")
        for which, data in tables.items()
    }, digests


def _tables(load: Any, names: list[str], split: DataSplit, name: str, key: str) -> dict[Split, Any]:
    train = split.train or ("train" if "train" in names or len(names) != 1 else names[0])
    test = split.test
    if test is None and split.fraction is None and "test" in names and train != "test":
        test = "test"
    for wanted in (train, test):
        if wanted is not None and wanted not in names:
            raise InputError(
                f"{name} has no split '{wanted}'; it has {', '.join(names)}: name one in "
                f"{key}.split",
                key=f"{key}.split",
            )
    found: dict[Split, Any] = {"train": load(train)}
    if test is not None:
        found["test"] = load(test)
    return found


def _table(data: Any, origin: str, key: str) -> Table:
    import datasets

    classes = {
        name: list(feature.names)
        for name, feature in data.features.items()
        if hasattr(feature, "names") and hasattr(feature, "int2str")
    }
    # Columns of images and sound are not decoded: nothing reads them.
    json_text = getattr(datasets, "Json", ())  # since 5
    plain = [
        name
        for name, feature in data.features.items()
        if isinstance(feature, json_text) or not hasattr(feature, "decode")
    ]
    if len(plain) < len(data.features):
        data = data.select_columns(plain)
    tables = data.with_format("arrow")

    def records() -> Iterator[Record]:
        starts = range(0, len(data), _ROWS_AT_ONCE)
        batches = (tables[start : start + _ROWS_AT_ONCE] for start in starts)
        return arrow_records(batches, origin, key)

    return Table(origin, records, classes)


def _content_digest(table: Table) -> str:
    """Of the rows themselves: the cache's files are not the hub's."""
    digest = hashlib.sha256()
    for record in table.records():
        digest.update(json.dumps(record.columns, default=str, sort_keys=True).encode())
    return digest.hexdigest()
