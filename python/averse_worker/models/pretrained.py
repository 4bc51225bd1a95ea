"""Loads a network and its tokenizer: one way for policy, reference, reward and judge.

    files (`declared`) ─▶ config ─▶ tokenizer ─▶ weights ─▶ what the library did with them

transformers fills missing weights with random numbers, and guesses; here that is an error.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from averse_worker.models.declared import CLASSIFIER, check_folder
from averse_worker.models.folder import ModelFolder
from averse_worker.platform.device import quiet
from averse_worker.platform.memory import is_out_of_memory
from averse_worker.wire.errors import MissingEnvironment, WorkerError

Kind = Literal["language model", "classifier"]

_LOADERS: Final[dict[Kind, Any]] = {
    "language model": AutoModelForCausalLM,
    "classifier": AutoModelForSequenceClassification,
}
_EXPECTED: Final[dict[Kind, str]] = {
    "language model": "a decoder-only language model such as GPT-2, Llama or Qwen",
    "classifier": CLASSIFIER,
}
_MISSING_PACKAGES: Final = re.compile(r"not found in your environment: ([\w, .-]+?)\.? Run")


@dataclass(frozen=True)
class Pretrained:
    """A network as its folder has it, and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def load_pretrained(
    folder: ModelFolder,
    kind: Kind,
    dtype: torch.dtype,
    *,
    quantize: Any = None,
    config: PreTrainedConfig | None = None,
    new_head: bool = False,
) -> Pretrained:
    """Loads what is in `folder`, on the CPU.

    Args:
        quantize: transformers' configuration of a quantization; None: none.
        config: in place of the folder's own.
        new_head: what is not of the trunk may be missing from the files: it is drawn at random,
            from torch's global generator.

    Raises:
        InputError: the folder holds no whole model of this kind with its own tokenizer.
        MissingEnvironment: a package that the model needs is not installed.
    """
    declared = check_folder(folder)
    config = config or _config(folder, declared, kind)
    tokenizer = _tokenizer(folder)
    rows = getattr(config.get_text_config(), "vocab_size", None)
    if rows is not None:
        check_vocabulary(folder, tokenizer, rows)
    with explained(folder, _EXPECTED[kind]):
        model, found = _LOADERS[kind].from_pretrained(
            folder.path,
            config=config,
            dtype=dtype,
            **({} if quantize is None else {"quantization_config": quantize}),
            use_safetensors=True,
            trust_remote_code=folder.trust_remote_code,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported below, with advice
        )
    if new_head:
        trunk = f"{model.base_model_prefix}."
        found["missing_keys"] = {
            name
            for name in found["missing_keys"]
            if name.startswith(trunk) and "pooler" not in name
        }
        found["mismatched_keys"] = {
            entry for entry in found["mismatched_keys"] if entry[0].startswith(trunk)
        }
    _check_complete(folder, found)
    check_vocabulary(folder, tokenizer, model.get_input_embeddings().weight.shape[0])
    return Pretrained(model, tokenizer)


@contextlib.contextmanager
def explained(folder: ModelFolder, expected: str) -> Iterator[None]:
    """Turns whatever a library raises over a model's files into one sentence; its own words are
    the error's cause.

    Raises:
        InputError, MissingEnvironment
    """
    try:
        with quiet():
            yield
    except WorkerError:
        raise
    except ImportError as error:
        found = _MISSING_PACKAGES.search(" ".join(str(error).split()))
        names = found[1] if found else error.name or "a package"
        raise MissingEnvironment(
            f"{folder.path}: needs {names}, which is not installed; install it into the worker's "
            "Python",
            key=folder.key,
        ) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise folder.wrong(
            f"transformers {transformers.__version__} cannot load it "
            f"({type(error).__name__}); expected {expected}, in transformers format"
        ) from error


def _config(folder: ModelFolder, declared: dict[str, Any], kind: Kind) -> PreTrainedConfig:
    """The config, if it is of a model of this kind."""
    model_type = declared.get("model_type")
    code = declared.get("auto_map")
    if model_type not in CONFIG_MAPPING_NAMES and not (code and folder.trust_remote_code):
        if code:
            key = folder.sibling("trust_remote_code")
            allow = f"read that code and set {key} to true, or " if key else ""
            raise folder.wrong(
                f"is a {model_type} model, which needs Python code from its own folder "
                f"(auto_map); {allow}use a model that transformers supports",
                key=key,
            )
        raise folder.wrong(
            f"config.json has model_type {model_type!r}, which transformers "
            f"{transformers.__version__} does not support; expected {_EXPECTED[kind]}"
        )
    with explained(folder, _EXPECTED[kind]):
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            folder.path, trust_remote_code=folder.trust_remote_code
        )
    if kind == "classifier":
        return config
    named = [str(name) for name in declared.get("architectures") or []]
    classifies = any("Classification" in name for name in named)
    if getattr(config, "is_encoder_decoder", False):
        raise folder.wrong(f"is an encoder-decoder ({model_type}); expected {_EXPECTED[kind]}")
    known = type(config) in AutoModelForCausalLM._model_mapping or code
    if classifies or not known:
        raise folder.wrong(
            f"is a {model_type} model ({', '.join(named) or 'no architecture named'}) and not a "
            f"language model; expected {_EXPECTED[kind]}"
        )
    return config


def _tokenizer(folder: ModelFolder) -> PreTrainedTokenizerBase:
    with explained(folder, "a tokenizer with its vocabulary files"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder.path, trust_remote_code=folder.trust_remote_code
        )
    names = {*tokenizer.vocab_files_names.values(), "tokenizer.json"}
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    plain = len(set(tokenizer.get_vocab().values()) - special)
    found = folder.trust_remote_code or any((folder.path / name).is_file() for name in names)
    if not found or plain < 2:
        # transformers makes a tokenizer without a vocabulary instead of raising.
        raise folder.wrong(
            f"the tokenizer has {plain} tokens besides the special ones; expected its vocabulary "
            f"in {' or '.join(sorted(names))}"
        )
    return tokenizer


def check_vocabulary(folder: ModelFolder, tokenizer: PreTrainedTokenizerBase, rows: int) -> None:
    """Refuses a tokenizer with ids beyond the embedding's `rows`.

    Raises:
        InputError: naming the first such token.
    """
    beyond = [(i, token) for token, i in tokenizer.get_vocab().items() if i >= rows]
    if beyond:
        first, token = min(beyond)
        raise folder.wrong(
            f"the tokenizer has {len(beyond)} token(s) beyond the embedding's {rows} rows, first "
            f"{token!r} with id {first}; resize the model (resize_token_embeddings) and save it "
            "again, or take them out of the tokenizer"
        )


def _check_complete(folder: ModelFolder, found: dict[str, Any]) -> None:
    """Refuses a network with tensors that were not in its files.

    Raises:
        InputError: naming the first such tensor.
    """
    missing = sorted(found["missing_keys"])
    if missing:
        more = ", …" if len(missing) > 2 else ""
        raise folder.wrong(
            f"the weights lack {len(missing)} tensors of the architecture "
            f"({', '.join(missing[:2])}{more}), which would be random numbers; expected the "
            "whole model, its head included"
        )
    for name, there, wanted in sorted(found["mismatched_keys"]):
        raise folder.wrong(
            f"the weights do not fit config.json: {name} is {_shape(there)} in the file, "
            f"{_shape(wanted)} by the config; copy both from the same model"
        )
    if found["error_msgs"] or found.get("conversion_errors"):
        raise folder.wrong("some weights could not be converted; save the model again")


def _shape(shape: Any) -> str:
    return " x ".join(str(int(n)) for n in shape) or "a number"
