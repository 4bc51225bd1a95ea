"""A policy divided among processes by DeepSpeed (ZeRO-2; Rajbhandari et al. 2020).

    model      as in `sharded.py`: its rows are the state of training, which checkpoints, EMA
               weights, sampling and exports read and change.
    network    a copy of its own, which DeepSpeed holds, whole in every process. An update begins
               by handing it the rows, and ends by taking them.

DeepSpeed divides gradients and AdamW's moments. Its own checkpoints are pickles and are not used.
"""

import contextlib
import copy
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from averse_worker.models.actor_critic import ActorCritic, Evaluated
from averse_worker.models.descent import Descent, MakeOptimizer, ShardedDescent
from averse_worker.models.sharded import Network, shards_of
from averse_worker.platform.device import Device
from averse_worker.platform.ranks import Ranks

Value = TypeVar("Value")

_MOMENTS: Final = ("exp_avg", "exp_avg_sq")
_STEP: Final = "step"
_LOCAL_RANK: Final = "LOCAL_RANK"


class ZeroNetwork(Network):
    """What an update differentiates."""

    def __init__(self, model: ActorCritic, ranks: Ranks) -> None:
        """Takes the parameters of `model` over, which is left without."""
        self._ranks = ranks
        self._descent: ZeroDescent | None = None
        self.module = copy.deepcopy(model)
        self.language_model = self.module.language_model
        self.shards = shards_of(model, ranks)
        self.own = self.module.trained()
        """parameters that DeepSpeed changes, by name"""
        self.trained = {n: nn.Parameter(self.part(n).to_local().detach()) for n in self.own}

    @property
    def engine(self) -> Any:
        """DeepSpeed's, once there is a `descent`."""
        assert self._descent is not None
        return self._descent.engine

    def descent(self, make: MakeOptimizer, most: float, device: Device) -> Descent:
        if self._descent is None:
            self._descent = ZeroDescent(self, make, most, device, self._ranks)
        self._descent.reset()
        return self._descent

    def __call__(self, *args: object, **kwargs: object) -> Evaluated:
        seen: Evaluated = self.together(lambda: self.engine(*args, **kwargs))
        return seen

    def backward(self, loss: Tensor) -> None:
        # DeepSpeed takes means over processes; the coefficients are those of the whole batch.
        whole = loss * self._ranks.count
        self.together(lambda: self.engine.backward(whole, scale_wrt_gas=False))

    @contextlib.contextmanager
    def updating(self) -> Iterator[None]:
        """For the block, DeepSpeed's network has the weights of the rows; these have its weights
        afterwards. After an error they are as before the block."""
        self.together(self._hand_over)
        yield
        self.together(self._take_back)

    def together(self, operation: Callable[[], Value]) -> Value:
        """As `Ranks.together`, with what DeepSpeed expects of the environment."""
        # It reads it at many places; left there, accelerate would under SFT.
        os.environ[_LOCAL_RANK] = str(self._ranks.local)
        try:
            return self._ranks.together(operation)
        finally:
            del os.environ[_LOCAL_RANK]

    def part(self, name: str) -> DTensor:
        """Of what is trained."""
        return self.shards.parts[self._key(name)]

    def rows_of(self, name: str, whole: Tensor) -> Tensor:
        """This process's of something that is shaped like the parameter."""
        return whole[self.shards.rows(self._key(name))]

    @torch.no_grad()
    def _hand_over(self) -> None:
        for name, parameter in self.own.items():
            parameter.copy_(self.part(name).full_tensor())
        self.engine.optimizer.refresh_fp32_params()

    @torch.no_grad()
    def _take_back(self) -> None:
        for name, parameter in self.own.items():
            self.trained[name].copy_(self.rows_of(name, parameter))


class ZeroDescent(ShardedDescent):
    """Clips and descends by DeepSpeed, which keeps the moments of a group of AdamW in one piece,
    divided among the processes."""

    def __init__(
        self,
        network: ZeroNetwork,
        make: MakeOptimizer,
        most: float,
        device: Device,
        ranks: Ranks,
    ) -> None:
        super().__init__(network.own, make, most, device, ranks)
        self._network = network
        self._names = {id(parameter): name for name, parameter in network.own.items()}
        self.engine: Any = network.together(self._initialized)
        self._make_moments()

    def reset(self) -> None:
        """Begins with fresh moments."""
        self.clear()
        for state in self.optimizer.state.values():
            for tensor in state.values():
                tensor.zero_()

    def clear(self) -> None:
        # Of passes that no step followed, gradients lie here; its own `zero_grad` leaves them.
        zero = self.engine.optimizer
        zero.zero_grad()
        for kept in (zero.averaged_gradients, zero.all_grad_tensors):
            for group in kept:
                kept[group] = None

    def step(self, loss: Tensor, number: int) -> Tensor:
        norm = loss
        if bool(torch.isfinite(loss) & (self._broken == 0)):
            self._network.together(self.engine.step)
            norm = torch.as_tensor(self.engine.get_global_grad_norm(), dtype=torch.float32)
        self._note(norm, loss, number)
        return norm

    def state(self) -> dict[str, Tensor]:
        return self._network.together(self._read_moments)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self._network.together(lambda: self._write_moments(state))

    # ── inside ──────────────────────────────────────────────────────────────────────────────

    def _initialized(self) -> Any:
        os.environ.setdefault("DS_ACCELERATOR", self._device.torch_device.type)
        import deepspeed

        logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
        # Compiled at its first use, which takes minutes; gloo serves as well.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        settings = {
            "train_micro_batch_size_per_gpu": 1,
            "managed_gradient_accumulation": False,
            "gradient_clipping": self._most,
            "zero_allow_untested_optimizer": True,
            "zero_optimization": {"stage": 2},
        }
        deepspeed.init_distributed(auto_mpi_discovery=False)
        passes = Passes(self._network.module, self._device)
        engine, *_ = deepspeed.initialize(model=passes, optimizer=self.optimizer, config=settings)
        return engine

    def _make_moments(self) -> None:
        """Before the first step, where AdamW would: a checkpoint may come earlier, and DeepSpeed
        0.19 takes only the first group's moments for those of the parameters."""
        zero = self.engine.optimizer
        for part in zero.single_partition_of_fp32_groups:
            self.optimizer.state[part] = {
                _STEP: torch.zeros((), device=part.device),
                **{field: torch.zeros_like(part) for field in _MOMENTS},
            }
        zero._lazy_init_hp_params_optimizer_state()

    def _groups(self) -> Iterator[tuple[Tensor, dict[str, nn.Parameter]]]:
        """How many steps each group has taken, and its parameters by name."""
        zero = self.engine.optimizer
        parts = zip(zero.single_partition_of_fp32_groups, zero.bit16_groups, strict=True)
        for part, group in parts:
            yield self.optimizer.state[part][_STEP], {self._names[id(p)]: p for p in group}

    def _read_moments(self) -> dict[str, Tensor]:
        from deepspeed.utils import safe_get_full_optimizer_state

        found: dict[str, Tensor] = {}
        for steps, group in self._groups():
            for name, parameter in group.items() if steps else ():
                found[f"{name}|{_STEP}"] = steps.clone()
                for field in _MOMENTS:
                    whole = safe_get_full_optimizer_state(parameter, field)
                    found[f"{name}|{field}"] = self._network.rows_of(name, whole).clone()
        return found

    def _write_moments(self, state: Mapping[str, Tensor]) -> None:
        from deepspeed.utils import safe_set_full_optimizer_state

        for steps, group in self._groups():
            # What never learned has none.
            for name in (name for name in group if f"{name}|{_STEP}" in state):
                steps.copy_(state[f"{name}|{_STEP}"])
                part = self._network.part(name)
                for field in _MOMENTS:
                    whole = DTensor.from_local(
                        state[f"{name}|{field}"],
                        part.device_mesh,
                        part.placements,
                        shape=part.shape,
                        stride=part.stride(),
                        run_check=False,
                    ).full_tensor()
                    safe_set_full_optimizer_state(group[name], whole, field)


class Passes(nn.Module):
    """A network whose passes are in the device's number format: around them, DeepSpeed turns
    autocast off on GPUs."""

    def __init__(self, network: nn.Module, device: Device) -> None:
        super().__init__()
        self._network, self._device = network, device

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        with self._device.autocast():
            return self._network(*args, **kwargs)
