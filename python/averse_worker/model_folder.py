"""Finds a model's files: the built-in one, a folder, or a hub id brought to a local folder.

Whatever is wrong with them is told with the folder, the file and what was expected.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from averse_worker.errors import InputError, MissingEnvironment

ASSETS: Final = Path(__file__).parent / "assets"
# No pickled weights: loading those runs code.
_PATTERNS: Final = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


@dataclass(frozen=True)
class ModelFolder:
    """A folder with config.json and safetensors weights."""

    path: Path
    key: str
    """config key that led here"""

    def config(self) -> dict[str, Any]:
        """config.json.

        Raises:
            InputError: it is missing or is no JSON object.
        """
        path = self.path / "config.json"
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(
                f"{self.path}: no config.json; expected a model in transformers format",
                key=self.key,
            ) from error
        except (ValueError, OSError) as error:
            raise InputError(
                f"{path}: expected a JSON object ({error})", key=self.key
            ) from error
        if not isinstance(config, dict):
            raise InputError(
                f"{path}: expected a JSON object, found {type(config).__name__}", key=self.key
            )
        return config

    def digests(self) -> dict[str, str]:
        """File name → sha256 of every file of the model, sorted by name."""
        return digests(
            file
            for file in self.path.iterdir()
            if file.is_file() and not file.name.startswith(".")
        )

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turns what transformers raises over a model's files into an InputError."""
        if not any(self.path.glob("*.safetensors")):
            raise InputError(
                f"{self.path}: no *.safetensors file; expected weights in that format (convert "
                "older ones with model.save_pretrained)",
                key=self.key,
            )
        try:
            yield
        except (OSError, ValueError, KeyError, SafetensorError, RuntimeError) as error:
            if "out of memory" in str(error):
                raise
            raise InputError(
                f"{self.path}: cannot be loaded ({type(error).__name__}: {error}); expected a "
                "model in transformers format with config.json, *.safetensors and tokenizer files",
                key=self.key,
            ) from error


def digests(files: Iterator[Path]) -> dict[str, str]:
    """File name → sha256, hexadecimal, sorted by name."""
    found: dict[str, str] = {}
    for file in sorted(files):
        with file.open("rb") as stream:
            found[file.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def find_model(model: str, builtin: str, key: str, trust_remote_code: bool) -> ModelFolder:
    """The folder of `model`: "builtin" (the folder `builtin` of the assets), a path or a hub id.

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
    return ModelFolder(_download(model, key, trust_remote_code), key)


def _download(model: str, key: str, trust_remote_code: bool) -> Path:
    patterns = [*_PATTERNS, "*.py"] if trust_remote_code else _PATTERNS
    try:
        # Top level only: subfolders hold the same weights for other frameworks.
        folder = snapshot_download(model, allow_patterns=patterns, ignore_patterns=["*/*"])
    except (LocalEntryNotFoundError, OSError) as error:
        if isinstance(error, HfHubHTTPError):
            raise InputError(
                f"{key} is '{model}', which is neither a folder here nor a model that the hub "
                f"shows you ({error})",
                key=key,
            ) from error
        raise MissingEnvironment(
            f"{key} is '{model}', which is no folder here, and the Hugging Face hub cannot be "
            f"reached ({error}); give a folder, or go online once to fill the cache",
            key=key,
        ) from error
    except HFValidationError as error:
        raise InputError(
            f"{key} is '{model}'; expected builtin, a folder or a hub id ({error})", key=key
        ) from error
    return Path(folder)


def load_tokenizer(folder: ModelFolder, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """The tokenizer in `folder`."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        folder.path, trust_remote_code=trust_remote_code
    )
    return tokenizer
