"""The training state on disk: safetensors and JSON only, nothing that runs code when read.

    weights.safetensors    what is trained: policy (or adapters) and value head
    optimizer.safetensors  AdamW's moments and step counts, by the weights' names
    average.safetensors    the EMA weights, where they are kept
    reference.safetensors  only after fine-tuning: the frozen copy (of the adapters, with LoRA)
    random.json            the process's global random generators: Python, NumPy, torch, each device
    state.json             counters, moments of normalised rewards, and which of the files there are

Where the policy is divided among processes, each writes its rows of the first four into files of
its own (`tensors.py`). Whatever number of processes wrote a checkpoint, any other restores it.

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
from torch import Tensor

from averse_worker.models.actor_critic import VALUE_HEAD
from averse_worker.models.policy import Policy
from averse_worker.platform.files import check_empty_folder, same_mode
from averse_worker.platform.ranks import ALONE, Ranks
from averse_worker.rewards.running import RunningMoments
from averse_worker.store.random_state import RandomState, read_random_state, set_random_state
from averse_worker.store.tensors import Rows, damaged, save_tensors, saved_tensors
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
    ranks: Ranks = ALONE,
    *,
    rollouts: int,
    updates: int,
    moments: Mapping[str, RunningMoments] = MappingProxyType({}),
) -> None:
    """Writes everything that `read_checkpoint` needs into an existing empty folder.

    Args:
        ranks: the processes that the policy is divided among, all of which call this.

    Raises:
        InputError: the folder does not exist or holds files already.
    """
    check_empty_folder(folder)
    parts: dict[str, Mapping[str, Tensor]] = {
        "weights": policy.parameters,
        "optimizer": optimizer.state(),
    }
    if ema is not None:
        parts["average"] = ema.weights
    if policy.fine_tuned:
        parts |= _fine_tuned(policy)
    # Nobody writes before all have looked, and nobody goes on before all have written.
    ranks.gather(b"")
    for name, tensors in parts.items():
        save_tensors(folder, name, tensors, _divided(policy, tensors), ranks)
    ranks.gather(b"")
    if ranks.rank > 0:
        return
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
    targets: dict[str, Mapping[str, Tensor]] = {
        "weights": {name: parameter.detach() for name, parameter in policy.parameters.items()}
    }
    if ema is not None:
        targets["average"] = ema.weights
    if state.fine_tuned:
        policy.add_reference_adapter()
        targets |= _fine_tuned(policy)
    loaded = {
        name: _load_fitting(folder, name, tensors, _divided(policy, tensors))
        for name, tensors in targets.items()
    }
    moments = _load_moments(folder, policy)
    random = _read(folder / _RANDOM, RandomState)
    try:
        set_random_state(random)
    except (ValueError, RuntimeError, TypeError, OverflowError) as error:
        raise damaged(folder / _RANDOM, error) from error
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


def _fine_tuned(policy: Policy) -> dict[str, Mapping[str, Tensor]]:
    """What fine-tuning changed beside the trained weights, by file."""
    own = policy.reference_adapter or policy.reference_parameters
    return {"reference": own} if own and policy.own_reference else {}


def _divided(policy: Policy, tensors: Mapping[str, Tensor]) -> dict[str, Rows]:
    """Which rows of a parameter, or of what the optimizer keeps of it, this process has."""
    found = {}
    for key, tensor in tensors.items():
        name, _, field = key.partition("|")
        rows = None if field == "step" else policy.rows(name)
        if rows is not None and tensor.dim() > 0:
            found[key] = Rows(*rows)
    return found


def _whole_shape(tensor: Tensor, rows: Rows | None) -> tuple[int, ...]:
    shape = tuple(tensor.shape)
    return shape if rows is None else (rows.total, *shape[1:])


def _own(tensor: Tensor, rows: Rows | None) -> slice | None:
    """This process's rows; None: all."""
    return None if rows is None else slice(rows.first, rows.first + tensor.shape[0])


def _load_fitting(
    folder: Path, name: str, targets: Mapping[str, Tensor], divided: Mapping[str, Rows]
) -> dict[str, Tensor]:
    """A file's tensors, which must be of the same names and shapes as `targets`."""
    with saved_tensors(folder, name) as saved:
        path, found = saved.path, saved.shapes
        if found.keys() ^ targets.keys() == _HEAD:
            there, now, then = ("no", "true", "false")
            if found.keys() >= _HEAD:
                there, now, then = ("a", "false", "true")
            raise InputError(
                f"{path}: has {there} value head, but training.critic is {now}; set it to {then}",
                key="training.critic",
            )
        shapes = {key: _whole_shape(tensor, divided.get(key)) for key, tensor in targets.items()}
        if shapes != found:
            odd = sorted(key for key in shapes | found if shapes.get(key) != found.get(key))
            raise InputError(
                f"{path}: does not fit policy.model: {odd[0]} is {found.get(odd[0], 'missing')} "
                f"there and {shapes.get(odd[0], 'missing')} in the model; restore it with the "
                "model that it was saved from",
                key="policy.model",
            )
        return {
            key: saved.read(key, _own(tensor, divided.get(key))) for key, tensor in targets.items()
        }


def _load_moments(folder: Path, policy: Policy) -> dict[str, Tensor]:
    """The optimizer's state, on the parameters' device; none before the first update."""
    parameters = policy.parameters
    moments: dict[str, Tensor] = {}
    with saved_tensors(folder, "optimizer") as saved:
        for key, shape in saved.shapes.items():
            name, _, field = key.partition("|")
            parameter = parameters.get(name)
            found = policy.rows(name)
            rows = None if found is None else Rows(*found)
            expected = None if parameter is None else _whole_shape(parameter, rows)
            if parameter is None or (field != "step" and shape != expected):
                raise InputError(
                    f"{saved.path}: is of another model: {key} has shape {shape} there and "
                    f"{expected} in the model; restore it with the model that it was saved from",
                    key="policy.model",
                )
            own = None if field == "step" else _own(parameter, rows)
            moments[key] = saved.read(key, own).to(policy.device.torch_device)
    return moments


def _write(path: Path, content: Struct) -> None:
    path.write_bytes(msgspec.json.encode(content) + b"\n")


def _read(path: Path, kind: type[Content]) -> Content:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise damaged(path, error) from error
