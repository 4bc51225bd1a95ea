"""Finds a model's files: the built-in one, a folder, or a hub id brought to a local folder.

Whatever is wrong with them is told with the folder, the file and what was expected.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, Final

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
from safetensors import SafetensorError
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from averse_worker.engine.contract import Report
from averse_worker.platform.files import ASSETS, file_digest
from averse_worker.wire.errors import InputError, MissingEnvironment

# No pickled weights: loading those runs code.
_PATTERNS: Final = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
_LONGEST_REASON: Final = 300
"""characters of a library's own words in a message"""


@dataclass(frozen=True)
class ModelFolder:
    """A folder with config.json, safetensors weights and mostly a tokenizer."""

    path: Path
    key: str
    """config key that led here"""

    def config(self) -> dict[str, Any]:
        """What config.json holds.

        Raises:
            InputError: it is missing or is no JSON object.
        """
        path = self.path / "config.json"
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise self.wrong("no config.json; expected a model in transformers format") from error
        except (ValueError, OSError) as error:
            raise self.wrong(f"config.json is no JSON object ({error})") from error
        if not isinstance(config, dict):
            raise self.wrong(f"config.json holds a {type(config).__name__}, expected an object")
        return config

    def digests(self) -> dict[str, str]:
        """File name → sha256 of the files that make the model, sorted by name."""
        files = (f for f in self.path.iterdir() if f.is_file() and not f.name.startswith("."))
        return {file.name: file_digest(file) for file in sorted(files)}

    def wrong(self, what: str) -> InputError:
        """An error that begins with the folder."""
        return InputError(f"{self.path}: {what}", key=self.key)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turns what transformers raises over a model's files into an InputError."""
        if not any(self.path.glob("*.safetensors")):
            raise self.wrong(
                "no *.safetensors file; expected weights in that format (convert older ones with "
                "model.save_pretrained)"
            )
        try:
            yield
        except (OSError, ValueError, KeyError, SafetensorError, RuntimeError) as error:
            if "memory" in str(error):
                raise
            raise self.wrong(
                f"cannot be loaded ({type(error).__name__}: {_brief(error)}); expected a model in "
                "transformers format with config.json, *.safetensors and tokenizer files"
            ) from error


def _brief(error: Exception) -> str:
    """The error's words in one line; transformers adds lists of all the classes that it knows."""
    words = " ".join(str(error).split())
    return words if len(words) <= _LONGEST_REASON else f"{words[:_LONGEST_REASON].rstrip()} …"


def find_model(
    model: str, builtin: str, key: str, trust_remote_code: bool, report: Report
) -> ModelFolder:
    """The folder of `model`: "builtin" (the folder `builtin` of the assets), a path or a hub id.

    A model that is not yet in the hub's cache is downloaded into it.

    Raises:
        InputError: there is no such folder and no such model on the hub.
        MissingEnvironment: the hub cannot be reached and the model is not in its cache.
    """
    if model == "builtin":
        return ModelFolder(ASSETS / builtin, key)
    path = Path(model).expanduser()
    if path.is_dir():
        return ModelFolder(path, key)
    if path.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        raise InputError(f"{key} is '{model}', which is no folder on this machine", key=key)
    return ModelFolder(_download(model, key, trust_remote_code, report), key)


def _download(model: str, key: str, trust_remote_code: bool, report: Report) -> Path:
    patterns = [*_PATTERNS, "*.py"] if trust_remote_code else _PATTERNS
    # Top level only: subfolders hold the same weights for other frameworks.
    fetch = partial(snapshot_download, model, allow_patterns=patterns, ignore_patterns=["*/*"])
    try:
        return Path(_in_background(fetch, report))
    except (HFValidationError, RepositoryNotFoundError) as error:
        raise InputError(
            f"{key} is '{model}', which is neither builtin, nor a folder here, nor a model that "
            f"the Hugging Face hub shows you ({error})",
            key=key,
        ) from error
    except OSError as error:  # no network and not in the cache, among others
        raise MissingEnvironment(
            f"{key} is '{model}', which is no folder here and cannot be had from the Hugging "
            f"Face hub ({error}); give a folder, or go online once to fill the cache",
            key=key,
        ) from error


def _in_background(fetch: Callable[[], str], report: Report) -> str:
    """Runs `fetch` on a thread of its own, reporting the seconds so far from this one.

    An interrupt leaves the thread to itself: what it still brings is in the cache next time.
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


def load_tokenizer(folder: ModelFolder, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """The tokenizer in `folder`; call it inside `folder.explained()`."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        folder.path, trust_remote_code=trust_remote_code
    )
    return tokenizer
