"""What a load takes over from the one before it: frozen parts that follow from the same.

A worker that goes from trial to trial loads much the same each time. Data, tokenised prompts,
scorers and the fluency model never change while they are in memory; each is kept under a key of all
that it follows from, files by their size and time of change. A policy is trained, so it is read
again, and so is a reference of its own.
"""

import gc
from collections.abc import Callable, Collection
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from averse_worker.models.folder import ModelFolder
from averse_worker.platform.files import file_stamps
from averse_worker.wire.messages.data import DataSource, PairPlace, PathPlace
from averse_worker.wire.messages.load import LoadBackend

Part = TypeVar("Part")

_PLACES: Final = ("name_or_path", "vocab_file", "merges_file", "tokenizer_file")
"""where a tokenizer was read from: the same one may lie in several folders"""


class Kept:
    """Frozen parts by key."""

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}
        self._used: dict[str, Any] = {}

    def part(self, key: str, make: Callable[[], Part]) -> Part:
        """The part that is kept under the key, or a new one."""
        found: Part = self._parts[key] if key in self._parts else make()
        self._used[key] = found
        return found

    def free_models(self, but: Collection[str]) -> None:
        """Gives up models that the load in hand does not want: two sets may not fit into memory."""
        unwanted = [key for key in self._parts if key.startswith("model ") and key not in but]
        for key in unwanted:
            del self._parts[key]
        if unwanted:
            gc.collect()

    def settle(self) -> None:
        """The load is done: what it had no use for is given up."""
        self._parts, self._used = self._used, {}

    def clear(self) -> None:
        """Keeps nothing."""
        self._parts, self._used = {}, {}


def data_key(source: DataSource) -> str:
    """Of everything that `read_data` reads; a data set of the hub stays as it was read."""
    places = [part.place for part in source.parts]
    paths = [
        path
        for place in places
        for path in (
            [place.path]
            if isinstance(place, PathPlace)
            else [place.train, place.test]
            if isinstance(place, PairPlace)
            else []
        )
    ]
    stamps = [file_stamps(Path(path).expanduser()) for path in [*paths, source.template]]
    return _key("data", source, stamps)


def prompts_key(
    data: str, tokenizer: Any, end_tokens: Collection[int], prompt_tokens: int
) -> str | None:
    """Of tokenised prompts; None: what the tokenizer does cannot be told from its settings."""
    if not getattr(tokenizer, "is_fast", False):
        return None
    settings = (
        tokenizer.backend_tokenizer.to_str(),
        {name: str(token) for name, token in tokenizer.special_tokens_map.items()},
        str(tokenizer.chat_template),
        {k: str(v) for k, v in tokenizer.init_kwargs.items() if k not in _PLACES},
    )
    return _key("prompts", data, settings, list(end_tokens), prompt_tokens)


def model_key(settings: Any, folder: ModelFolder, backend: LoadBackend) -> str:
    """Of a frozen model in a folder, loaded with these settings on this device."""
    return _key("model", settings, str(folder.path), file_stamps(folder.path), backend)


def _key(kind: str, *parts: Any) -> str:
    return f"{kind} {sha256(msgspec.json.encode(parts)).hexdigest()}"
