"""The training state on disk: safetensors and JSON only, nothing that runs code when read.

    weights.safetensors    what is trained: policy (or adapters) and value head
    optimizer.safetensors  AdamW's moments and step counts, by the weights' names
    average.safetensors    the EMA weights, where they are kept
    reference.safetensors  only after fine-tuning: the frozen copy (of the adapters, with LoRA)
    random.json            the process's global random generators: Python, NumPy, torch, each device
    state.json             counters, moments of normalised rewards, and which of the files there are

Rollouts and updates draw from seeds that the controller sends; random.json is for the code of a
model or reward model that draws globally.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

import msgspec
import torch
from msgspec import Struct
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from averse_worker.models.actor_critic import VALUE_HEAD
from averse_worker.models.policy import Policy
from averse_worker.platform.files import check_empty_folder, same_mode
from averse_worker.rewards.running import RunningMoments
from averse_worker.store.random_state import RandomState, read_random_state, set_random_state
from averse_worker.training.ema import EmaWeights
from averse_worker.wire.errors import InputError

FORMAT: Final = 4
_STATE: Final = "state.json"
_RANDOM: Final = "random.json"

_HEAD: Final = frozenset({f"{VALUE_HEAD}weight", f"{VALUE_HEAD}bias"})

Content = TypeVar("Content", bound=Struct)


class OptimizerState(Protocol):
    """An optimizer whose state can be kept."""

    def state(self) -> dict[str, Tensor]:
        """`<parameter>|<field>` → tensor; empty before the first step."""
        ...

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes up what `state` returned, on the parameters' device."""
        ...


class State(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """state.json."""

    format: int
    rollouts: int
    updates: int
    lora_rank: int
    fine_tuned: bool
    average: bool
    moments: dict[str, RunningMoments]
    """by normalised reward component"""


def write_checkpoint(
    folder: Path,
    policy: Policy,
    optimizer: OptimizerState,
    ema: EmaWeights | None,
    *,
    rollouts: int,
    updates: int,
    moments: Mapping[str, RunningMoments] = MappingProxyType({}),
) -> None:
    """Writes everything that `read_checkpoint` needs into an existing empty folder.

    Raises:
        InputError: the folder does not exist or holds files already.
    """
    check_empty_folder(folder)
    _save(folder, "weights", policy.parameters)
    _save(folder, "optimizer", optimizer.state())
    if ema is not None:
        _save(folder, "average", ema.weights)
    if policy.fine_tuned:
        for name, tensors in _fine_tuned(policy).items():
            _save(folder, name, tensors)
    _write(folder / _RANDOM, read_random_state())
    state = State(
        format=FORMAT,
        rollouts=rollouts,
        updates=updates,
        lora_rank=policy.lora_rank,
        fine_tuned=policy.fine_tuned,
        average=ema is not None,
        moments=dict(moments),
    )
    _write(folder / _STATE, state)
    same_mode(folder, _STATE)


def read_state(folder: Path) -> State:
    """The checkpoint's state.json.

    Raises:
        InputError: there is none, it is damaged, or it is of another format.
    """
    path = folder / _STATE
    # The format alone first: another one may have other fields.
    if (found := _read(path, _Format).format) != FORMAT:
        raise InputError(
            f"{path}: is a checkpoint of format {found}, expected {FORMAT}; "
            "resume with the version that wrote it"
        )
    return _read(path, State)


def read_checkpoint(
    folder: Path, policy: Policy, optimizer: OptimizerState, ema: EmaWeights | None
) -> State:
    """Puts a checkpoint's state into a policy of the same model and settings.

    Everything is read and checked first: a refused checkpoint leaves the weights unchanged.

    Raises:
        InputError: a file is missing or corrupt, or belongs to another model or LoRA rank.
    """
    state = read_state(folder)
    _check_settings(folder, state, policy, ema)
    targets: dict[str, Mapping[str, Tensor]] = {"weights": policy.parameters}
    if ema is not None:
        targets["average"] = ema.weights
    if state.fine_tuned:
        policy.add_reference_adapter()
        targets |= _fine_tuned(policy)
    loaded = {name: _load_fitting(folder, name, tensors) for name, tensors in targets.items()}
    moments = _load_moments(folder, policy)
    random = _read(folder / _RANDOM, RandomState)
    try:
        set_random_state(random)
    except (ValueError, RuntimeError, TypeError, OverflowError) as error:
        raise _damaged(folder / _RANDOM, error) from error
    with torch.no_grad():
        for name, tensors in targets.items():
            for key, target in tensors.items():
                target.copy_(loaded[name][key])
    optimizer.restore(moments)
    policy.fine_tuned = state.fine_tuned
    return state


class _Format(Struct, frozen=True):
    format: int


def _check_settings(folder: Path, state: State, policy: Policy, ema: EmaWeights | None) -> None:
    if state.lora_rank != policy.lora_rank:
        raise InputError(
            f"{folder}: was saved with policy.lora_rank {state.lora_rank}, but it is "
            f"{policy.lora_rank} now; set it to {state.lora_rank}",
            key="policy.lora_rank",
        )
    if ema is not None and not state.average:
        raise InputError(
            f"{folder}: has no EMA weights, but training.ema_decay is set; set it to 0",
            key="training.ema_decay",
        )


def _fine_tuned(policy: Policy) -> dict[str, dict[str, Tensor]]:
    """What fine-tuning changed beside the trained weights, by file."""
    if policy.reference_adapter:
        return {"reference": dict(policy.reference_adapter)}
    if policy.own_reference and policy.reference_model is not None:
        return {"reference": dict(policy.reference_model.named_parameters())}
    return {}


def _save(folder: Path, name: str, tensors: Mapping[str, Tensor]) -> None:
    plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    save_file(plain, folder / f"{name}.safetensors")


def _load(path: Path) -> dict[str, Tensor]:
    try:
        loaded: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from error
    return loaded


def _load_fitting(folder: Path, name: str, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A file's tensors, which must be of the same names and shapes as `targets`."""
    path = folder / f"{name}.safetensors"
    loaded = _load(path)
    if loaded.keys() ^ targets.keys() == _HEAD:
        there, now, then = ("no", "true", "false")
        if loaded.keys() >= _HEAD:
            there, now, then = ("a", "false", "true")
        raise InputError(
            f"{path}: has {there} value head, but training.critic is {now}; set it to {then}",
            key="training.critic",
        )
    shapes = {key: tuple(tensor.shape) for key, tensor in targets.items()}
    found = {key: tuple(tensor.shape) for key, tensor in loaded.items()}
    if shapes != found:
        odd = sorted(key for key in shapes | found if shapes.get(key) != found.get(key))
        raise InputError(
            f"{path}: does not fit policy.model: {odd[0]} is {found.get(odd[0], 'missing')} there "
            f"and {shapes.get(odd[0], 'missing')} in the model; restore it with the model that it "
            "was saved from",
            key="policy.model",
        )
    return loaded


def _load_moments(folder: Path, policy: Policy) -> dict[str, Tensor]:
    """The optimizer's state, on the parameters' device; none before the first update."""
    path = folder / "optimizer.safetensors"
    moments = _load(path)
    parameters = policy.parameters
    for key, tensor in moments.items():
        name, _, field = key.partition("|")
        shape = parameters[name].shape if name in parameters else None
        if shape is None or (field != "step" and tensor.shape != shape):
            raise InputError(
                f"{path}: is of another model: {key} has shape {tuple(tensor.shape)} there and "
                f"{shape and tuple(shape)} in the model; restore it with the model that it was "
                "saved from",
                key="policy.model",
            )
    return {key: tensor.to(policy.device.torch_device) for key, tensor in moments.items()}


def _write(path: Path, content: Struct) -> None:
    path.write_bytes(msgspec.json.encode(content) + b"\n")


def _read(path: Path, kind: type[Content]) -> Content:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: cannot be read ({error}); the checkpoint is incomplete or damaged: use another"
    )
