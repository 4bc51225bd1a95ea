"""Finds a model's files: the built-in one, a folder, or a hub id brought to a local folder.

Errors name the folder, the file and what was expected.
"""

import contextlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, Final, Protocol

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

from averse_worker.engine.contract import Report
from averse_worker.platform.files import ASSETS, RECORDS, file_digest
from averse_worker.wire.errors import InputError, MissingEnvironment

_COMMIT: Final = re.compile("[0-9a-f]{40}")
# No pickled weights: loading those runs code.
_PATTERNS: Final = ["*.json", "*.safetensors", "*.txt", "*.model", "*.tiktoken", "*.jinja"]


@dataclass(frozen=True)
class ModelFolder:
    """A folder with config.json, safetensors weights and usually a tokenizer."""

    path: Path
    key: str
    """config key that led here"""
    trust_remote_code: bool = False
    """whether code in it may run"""

    def config(self) -> dict[str, Any]:
        """What config.json holds.

        Raises:
            InputError: it is missing or holds no JSON object.
        """
        config = self.json("config.json")
        if config is None:
            raise self.wrong("no config.json; expected a model in transformers format")
        return config

    def json(self, name: str) -> dict[str, Any] | None:
        """The JSON object in the file `name`; None: there is no such file.

        Raises:
            InputError: the file holds no JSON object.
        """
        try:
            found = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, OSError, RecursionError) as error:
            raise self.wrong(f"{name} cannot be read as JSON; expected an object") from error
        if not isinstance(found, dict):
            raise self.wrong(f"{name} holds a {type(found).__name__}, expected an object")
        return found

    def sibling(self, setting: str) -> str | None:
        """Config key of another setting of this model; None: there is none."""
        section, _, last = self.key.rpartition(".")
        return f"{section}.{setting}" if last == "model" else None

    def digests(self) -> dict[str, str]:
        """File name → sha256 of the files that make the model, sorted by name."""
        return {
            file.name: file_digest(file)
            for file in sorted(self.path.iterdir())
            if file.is_file() and not file.name.startswith(".") and file.name not in RECORDS
        }

    def wrong(self, what: str, *, key: str | None = None) -> InputError:
        """An error that begins with the folder."""
        return InputError(f"{self.path}: {what}", key=key or self.key)


def find_model(
    model: str, key: str, report: Report, *, revision: str | None, trust_remote_code: bool
) -> ModelFolder:
    """The folder of `model`, a path or a hub id.

    A model that is not yet in the hub's cache is downloaded into it.

    Args:
        revision: commit, branch or tag of a hub id; None: the newest.

    Raises:
        InputError: there is no such folder and no such model on the hub, or code from the hub may
            run at a revision that is not a fixed commit.
        MissingEnvironment: the hub cannot be reached and the model is not in its cache.
    """
    path = Path(model).expanduser()
    found = ModelFolder(path, key, trust_remote_code)
    if path.is_dir():
        refuse_revision(found, revision)
        return found
    if path.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        raise InputError(
            f"{key} is '{model}', and there is no such folder on this machine", key=key
        )
    if trust_remote_code and not _COMMIT.fullmatch(revision or ""):
        setting = found.sibling("revision") or key
        raise InputError(
            f"{key} is '{model}' on the Hugging Face Hub, with trust_remote_code; set {setting} to "
            "the full hash of the commit that you have reviewed (40 hexadecimal digits)",
            key=setting,
        )
    patterns = [*_PATTERNS, "*.py"] if trust_remote_code else _PATTERNS
    # Top level only: subfolders hold the same weights for other frameworks.
    fetch = partial(
        snapshot_download,
        model,
        revision=revision,
        allow_patterns=patterns,
        ignore_patterns=["*/*"],
    )
    return ModelFolder(_download(model, key, fetch, report), key, trust_remote_code)


class NamedModel(Protocol):
    """A language model as a message names it: `builtin`, a folder or a hub id."""

    @property
    def model(self) -> str: ...
    @property
    def revision(self) -> str | None: ...
    @property
    def trust_remote_code(self) -> bool: ...


def find_language_model(named: NamedModel, key: str, report: Report) -> ModelFolder:
    """The folder of a language model, the built-in one included.

    Raises:
        InputError: as `find_model`, or the built-in model with a revision.
        MissingEnvironment: as `find_model`.
    """
    if named.model == "builtin":
        folder = builtin_model("language-model", key)
        refuse_revision(folder, named.revision)
        return folder
    return find_model(
        named.model,
        key,
        report,
        revision=named.revision,
        trust_remote_code=named.trust_remote_code,
    )


def builtin_model(name: str, key: str) -> ModelFolder:
    """A model that ships with the worker."""
    return ModelFolder(ASSETS / name, key)


def refuse_revision(folder: ModelFolder, revision: str | None) -> None:
    """Refuses a revision of a local folder.

    Raises:
        InputError: a revision is set.
    """
    if revision is not None:
        setting = folder.sibling("revision") or folder.key
        raise folder.wrong(
            f"is a folder and has no revisions, but {setting} is '{revision}'; remove it",
            key=setting,
        )


def _download(model: str, key: str, fetch: Callable[[], str], report: Report) -> Path:
    try:
        return Path(_in_background(fetch, report))
    except (HFValidationError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise InputError(
            f"{key} is '{model}', but there is no such folder here and no such model on the "
            "Hugging Face Hub; check its name and revision, and log in to the Hub if the model is "
            "private or gated",
            key=key,
        ) from error
    except OSError as error:  # no network and not in the cache, among others
        raise MissingEnvironment(
            f"{key} is '{model}', but there is no such folder here, and it cannot be downloaded "
            "from the Hugging Face Hub; give a folder, or connect once to fill the cache",
            key=key,
        ) from error


def _in_background(fetch: Callable[[], str], report: Report) -> str:
    """Runs `fetch` on a thread of its own, reporting the seconds so far from this one.

    An interrupt leaves the thread running: what it still downloads is in the cache next time.
    """
    done: Queue[str | Exception] = Queue()

    def run() -> None:
        try:
            done.put(fetch())
        except Exception as error:
            done.put(error)

    Thread(target=run, name="download", daemon=True).start()
    started = time.monotonic()
    while True:
        report("download", int(time.monotonic() - started), 0, "seconds")
        with contextlib.suppress(Empty):
            answer = done.get(timeout=0.25)
            if isinstance(answer, Exception):
                raise answer
            return answer
