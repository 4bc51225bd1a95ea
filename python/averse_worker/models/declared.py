"""What a model's folder declares, checked before any weights are read: needs no torch.

Refuses whatever would make a library fill in something (a random head, a tokenizer without a
vocabulary, the weights of another model) or fail late with an obscure error.
"""

import importlib.util
import json
import struct
from collections.abc import Sequence
from typing import Any, Final

from averse_worker.models.folder import ModelFolder
from averse_worker.wire.errors import MissingEnvironment

CLASSIFIER: Final = "a …ForSequenceClassification model or one of Averse's classifiers"
"""what is expected of a reward model or judge"""
_INDEX: Final = "model.safetensors.index.json"
_VOCABULARIES: Final = ("tokenizer.json", "vocab*", "*.model", "*.tiktoken", "*.spm", "merges.txt")
_LONGEST_HEADER: Final = 100_000_000
"""bytes; the safetensors format's own bound"""


def check_folder(folder: ModelFolder) -> dict[str, Any]:
    """The config of a folder that may be loaded.

    Raises:
        InputError: it holds something else than the whole, plain weights of one model and its
            tokenizer.
        MissingEnvironment: its tokenizer needs a package that is not installed.
    """
    adapter = folder.json("adapter_config.json")
    if adapter is not None:
        # transformers would load the adapter's base in place of the weights in this folder.
        base = adapter.get("base_model_name_or_path") or "its base model"
        raise folder.wrong(
            f"holds an adapter (adapter_config.json) for {base}; merge it into that model "
            "(peft: merge_and_unload, then save_pretrained) and give the folder of the result"
        )
    config = folder.config()
    if "quantization_config" in config:
        method = (config["quantization_config"] or {}).get("quant_method", "an unknown method")
        raise folder.wrong(
            f"has quantized weights ({method}), which cannot be trained or measured exactly; "
            "expected weights in float32, bfloat16 or float16"
        )
    check_weights(folder)
    check_vocabulary_files(folder)
    return config


def check_weights(folder: ModelFolder) -> None:
    """Refuses weights that are missing, in another format or cut short.

    Raises:
        InputError: naming the file.
    """
    names = ["model.safetensors"]
    index = folder.json(_INDEX)
    if not (folder.path / names[0]).is_file():
        if index is None:
            older = sorted(p.name for p in folder.path.glob("*.bin"))
            raise folder.wrong(
                f"no model.safetensors and no {_INDEX}; expected weights in that format"
                + (f" (convert {older[0]} with model.save_pretrained)" if older else "")
            )
        shards = index.get("weight_map")
        if not isinstance(shards, dict) or not all(isinstance(n, str) for n in shards.values()):
            raise folder.wrong(f'{_INDEX} has no "weight_map" from tensor name to file name')
        names = sorted(set(shards.values()))
    for name in names:
        _check_safetensors(folder, name)


def _check_safetensors(folder: ModelFolder, name: str) -> None:
    """Reads the header alone: 8 bytes of its length, JSON, then the tensors it lists."""
    path = folder.path / name
    if not path.is_file():
        raise folder.wrong(f"{name} is missing, but {_INDEX} lists it; copy the whole model")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else _LONGEST_HEADER + 1
        header = file.read(length) if length <= min(_LONGEST_HEADER, size) else b""
    try:
        tensors = json.loads(header)
        ends = [t["data_offsets"][1] for n, t in tensors.items() if n != "__metadata__"]
        needed = 8 + length + max(ends, default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise folder.wrong(
            f"{name} is not a valid safetensors file; copy or download it again"
        ) from error
    if size != needed:
        raise folder.wrong(
            f"{name} has {size} bytes, but its header says {needed}; copy or download it again"
        )


def check_vocabulary_files(folder: ModelFolder) -> None:
    """Refuses a folder without a tokenizer vocabulary.

    Raises:
        InputError: no file in it holds a vocabulary.
        MissingEnvironment: the one that does needs a package that is not installed.
    """
    if not any(True for pattern in _VOCABULARIES for _ in folder.path.glob(pattern)):
        raise folder.wrong(
            "no tokenizer: no tokenizer.json, tokenizer.model or vocab file; copy the tokenizer's "
            "files into the folder (tokenizer.save_pretrained)"
        )
    pieces = sorted(path.name for path in folder.path.glob("*.model"))
    if pieces and not (folder.path / "tokenizer.json").is_file():
        modules = {"sentencepiece": "sentencepiece", "google.protobuf": "protobuf"}
        missing = [package for module, package in modules.items() if not _importable(module)]
        if missing:
            raise MissingEnvironment(
                f"{folder.path}: {pieces[0]} needs {' and '.join(missing)}; install into the "
                f"worker's Python (pip install {' '.join(missing)}), or add a tokenizer.json",
                key=folder.key,
            )


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a parent package
        return False


def end_token_ids(folder: ModelFolder) -> list[int]:
    """Ids that end a text by generation_config.json, or else by config.json; ascending.

    Raises:
        InputError: they are no token ids.
    """
    for name in ("generation_config.json", "config.json"):
        value = (folder.json(name) or {}).get("eos_token_id")
        if value is None:
            continue
        ids = value if isinstance(value, list) else [value]
        if not all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in ids):
            raise folder.wrong(f"{name} has eos_token_id {value!r}; expected token ids")
        return sorted(set(ids))
    return []


def class_labels(folder: ModelFolder) -> list[str]:
    """Names of a classifier's classes, by index.

    Raises:
        InputError: config.json does not name each of 0, 1, … once.
    """
    config = folder.config()
    named = config.get("id2label")
    if named is None:
        count = config.get("num_labels", 2)  # transformers writes neither where there are two
        if not isinstance(count, int) or count < 1:
            raise folder.wrong(f"config.json has num_labels {count!r}, expected 1 or more")
        return [f"LABEL_{i}" for i in range(count)]
    labels = {str(i): str(name) for i, name in named.items()} if isinstance(named, dict) else {}
    found = [labels.get(str(i)) for i in range(len(labels))]
    names = [name for name in found if name is not None]
    if not names or len(names) != len(found) or len(set(names)) != len(names):
        raise folder.wrong(
            f"config.json has id2label {named!r}; expected a different name for each of 0, 1, …"
        )
    return names


def check_classifier(folder: ModelFolder, labels: Sequence[str], output: str) -> list[int]:
    """Indices of the classes that are scored, of a folder that may be loaded.

    Raises:
        InputError: as `check_folder`, or it holds no sequence classifier with those classes.
        MissingEnvironment: as `check_folder`.
    """
    named = [str(name) for name in check_folder(folder).get("architectures") or []]
    if not any("SequenceClassification" in name for name in named):
        raise folder.wrong(
            f"config.json names {', '.join(named) or 'no architecture'}; expected {CLASSIFIER}"
        )
    return class_indices(folder, labels, output)


def class_indices(folder: ModelFolder, labels: Sequence[str], output: str) -> list[int]:
    """Indices of the classes that are scored.

    Args:
        labels: none: the only class, or the second of two (`margin`: the second less the first;
            `max`, `logsumexp`: both).
        output: what becomes of their logits.

    Raises:
        InputError: there is no such class, or several could be meant.
    """
    key = folder.sibling("label")
    names = class_labels(folder)
    listed = ", ".join(f"'{name}'" for name in names)
    for label in labels:
        if label not in names:
            raise folder.wrong(f"has no label '{label}'; its labels are {listed}", key=key)
    if not labels and len(names) > 2:
        which = {"logit": "the one whose logit is the score", "margin": "the two to compare"}
        remedy = f"set {key} to {which.get(output, 'those to score')}" if key else "expected two"
        raise folder.wrong(f"has {len(names)} classes ({listed}); {remedy}", key=key)
    if output == "margin":
        chosen = list(labels) or names[::-1]
        if len(chosen) != 2:
            raise folder.wrong(
                f"has the classes {listed}, and the margin is between two of them; "
                + (f"name two in {key}" if key and len(names) > 1 else "use the output logit"),
                key=key,
            )
    else:
        chosen = list(labels) or (names if output in ("max", "logsumexp") else names[-1:])
        if output in ("logit", "probability") and len(chosen) > 1:
            raise folder.wrong(
                f"the output {output} is of one label, but {len(chosen)} are named; name one, or "
                "use the output max or logsumexp",
                key=key,
            )
    return [names.index(name) for name in chosen]
