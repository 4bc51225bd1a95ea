"""The training state on disk: safetensors and JSON only, nothing that runs code when read.

    weights.safetensors    what is trained: policy (or adapters) and value head
    optimizer.safetensors  AdamW's moments and step counts, by the weights' names
    average.safetensors    the exponential average, where there is one
    base.safetensors       only after fine-tuning: the network below LoRA adapters
    reference.safetensors  only after fine-tuning: the frozen copy
    state.json             counters, and which of the files there are

Rollouts and updates draw from seeds that the controller sends, so no random state is kept.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from averse_worker.average import WeightAverage
from averse_worker.errors import InputError
from averse_worker.limits import check_empty_folder
from averse_worker.policy import Policy
from averse_worker.update import Ppo

FORMAT: Final = 1
_STATE: Final = "state.json"


@dataclass(frozen=True)
class Counters:
    """What the engine counts."""

    rollouts: int
    updates: int


def write_checkpoint(
    folder: Path, policy: Policy, ppo: Ppo, average: WeightAverage | None, counters: Counters
) -> None:
    """Writes everything that `read_checkpoint` needs into an existing empty folder.

    Raises:
        InputError: the folder does not exist or holds files already.
    """
    check_empty_folder(folder)
    _save(folder, "weights", policy.parameters)
    _save(folder, "optimizer", ppo.state())
    if average is not None:
        _save(folder, "average", average.weights)
    if policy.fine_tuned:
        for name, tensors in _fine_tuned(policy).items():
            _save(folder, name, tensors)
    state = {
        "format": FORMAT,
        "rollouts": counters.rollouts,
        "updates": counters.updates,
        "lora_rank": policy.lora_rank,
        "fine_tuned": policy.fine_tuned,
        "average": average is not None,
    }
    (folder / _STATE).write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")


def read_state(folder: Path) -> dict[str, Any]:
    """The checkpoint's state.json.

    Raises:
        InputError: there is none, or it is of another format.
    """
    path = folder / _STATE
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a checkpoint") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise InputError(
            f"{path}: is no checkpoint of format {FORMAT}; it was written by another version"
        )
    return state


def read_checkpoint(
    folder: Path, policy: Policy, ppo: Ppo, average: WeightAverage | None
) -> Counters:
    """Puts a checkpoint's state into a policy of the same model and settings.

    Raises:
        InputError: a file is missing or corrupt, or belongs to another model or LoRA rank.
    """
    state = read_state(folder)
    if state["lora_rank"] != policy.lora_rank:
        raise InputError(
            f"{folder}: was saved with policy.lora_rank {state['lora_rank']}, but it is "
            f"{policy.lora_rank} now; set it back",
            key="policy.lora_rank",
        )
    if average is not None and not state["average"]:
        raise InputError(
            f"{folder}: has no average of the weights, but training.average_decay is set; "
            "set it to 0",
            key="training.average_decay",
        )
    if state["fine_tuned"]:
        policy.fine_tuned = True
        for name, tensors in _fine_tuned(policy).items():
            _copy(folder, name, tensors)
    _copy(folder, "weights", policy.parameters)
    moments = _load(folder, "optimizer", policy.device.torch_device)
    if unknown := {key.split("|")[0] for key in moments} - set(policy.parameters):
        raise InputError(
            f"{folder / 'optimizer.safetensors'}: is of another model, which has "
            f"{sorted(unknown)[0]}; the checkpoint is damaged, use another"
        )
    ppo.restore(moments)
    if average is not None:
        _copy(folder, "average", average.weights)
    return Counters(rollouts=state["rollouts"], updates=state["updates"])


def _fine_tuned(policy: Policy) -> dict[str, dict[str, Tensor]]:
    """What fine-tuning changed beside the trained weights, by file."""
    if policy.lora_rank:
        base = policy.actor.causal.named_parameters()
        return {"base": {name: p for name, p in base if not p.requires_grad}}
    if policy.own_reference and policy.reference_model is not None:
        return {"reference": dict(policy.reference_model.named_parameters())}
    return {}


def _save(folder: Path, name: str, tensors: Mapping[str, Tensor]) -> None:
    plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    save_file(plain, folder / f"{name}.safetensors")


def _load(folder: Path, name: str, device: torch.device) -> dict[str, Tensor]:
    path = folder / f"{name}.safetensors"
    try:
        loaded: dict[str, Tensor] = load_file(path, device=str(device))
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); the checkpoint is incomplete, use another"
        ) from error
    return loaded


@torch.no_grad()
def _copy(folder: Path, name: str, targets: Mapping[str, Tensor]) -> None:
    """Copies a file's tensors into `targets`, which must be of the same names and shapes."""
    path = folder / f"{name}.safetensors"
    loaded = _load(folder, name, torch.device("cpu"))
    shapes = {key: tuple(tensor.shape) for key, tensor in targets.items()}
    found = {key: tuple(tensor.shape) for key, tensor in loaded.items()}
    if shapes != found:
        odd = sorted(key for key in shapes | found if shapes.get(key) != found.get(key))
        raise InputError(
            f"{path}: does not fit policy.model: {odd[0]} is {found.get(odd[0], 'missing')} there "
            f"and {shapes.get(odd[0], 'missing')} in the model; restore under the model it was "
            "saved from",
            key="policy.model",
        )
    for key, target in targets.items():
        target.copy_(loaded[key])
