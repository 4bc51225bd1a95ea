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
from averse_worker.models.sharded import Network, shards_of
from averse_worker.platform.ranks import Ranks

Value = TypeVar("Value")

MakeOptimizer = Callable[[Mapping[str, nn.Parameter]], torch.optim.Optimizer]
"""from what is trained, by name"""

_MOMENTS: Final = ("exp_avg", "exp_avg_sq")
_STEP: Final = "step"
_LOCAL_RANK: Final = "LOCAL_RANK"


class ZeroNetwork(Network):
    """What an update differentiates, and the optimizer of its parts."""

    def __init__(self, model: ActorCritic, ranks: Ranks) -> None:
        """Takes the parameters of `model` over, which is left without."""
        self._ranks = ranks
        self._engine: Any = None
        self._adamw: torch.optim.Optimizer | None = None
        self.module = copy.deepcopy(model)
        self.language_model = self.module.language_model
        self.shards = shards_of(model, ranks)
        self._own = self.module.trained()
        """parameters that DeepSpeed changes, by name"""
        self.trained = {
            name: nn.Parameter(self._part(name).to_local().detach()) for name in self._own
        }

    def optimizer(self, make: MakeOptimizer, most: float) -> torch.optim.Optimizer:
        """An optimizer with fresh moments. The groups of its rates are those that `make` gave.

        Args:
            most: gradients are clipped to this norm.
        """
        if self._adamw is None:
            self._adamw = make(self._own)
            self._together(lambda: self._initialize(most))
            self._make_moments()
        for state in self._adamw.state.values():
            for tensor in state.values():
                tensor.zero_()
        return self._adamw

    def __call__(self, *args: object, **kwargs: object) -> Evaluated:
        seen: Evaluated = self._together(lambda: self._engine(*args, **kwargs))
        return seen

    def backward(self, loss: Tensor) -> None:
        # DeepSpeed takes means over processes; the coefficients are those of the whole batch.
        whole = loss * self._ranks.count
        self._together(lambda: self._engine.backward(whole, scale_wrt_gas=False))

    def step(self) -> Tensor:
        """Clips the gradients and descends; returns their norm before. Where that is not finite,
        weights and moments stay as they were."""
        self._together(self._engine.step)
        return torch.as_tensor(self._engine.get_global_grad_norm(), dtype=torch.float32)

    @contextlib.contextmanager
    def updating(self) -> Iterator[None]:
        """For the block, DeepSpeed's network has the weights of the rows; these have its weights
        afterwards. After an error they are as before the block."""
        self._together(self._hand_over)
        yield
        self._together(self._take_back)

    def state(self) -> dict[str, Tensor]:
        """The optimizer's, as `training/optimizer_state.py` has it: this process's rows."""
        assert self._adamw is not None
        steps = next(iter(self._adamw.state.values()))[_STEP]
        return self._together(self._read_moments) if float(steps) else {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes up what `state` returned, after `optimizer`."""
        assert self._adamw is not None
        if state:
            self._together(lambda: self._write_moments(state))
        steps = next((t for key, t in state.items() if key.endswith(f"|{_STEP}")), None)
        for kept in self._adamw.state.values():
            if steps is not None:
                kept[_STEP].copy_(steps)

    # ── inside ──────────────────────────────────────────────────────────────────────────────

    def _together(self, operation: Callable[[], Value]) -> Value:
        # DeepSpeed reads it at many places; left there, accelerate would under SFT.
        os.environ[_LOCAL_RANK] = str(self._ranks.local)
        try:
            return self._ranks.together(operation)
        finally:
            del os.environ[_LOCAL_RANK]

    def _initialize(self, most: float) -> None:
        device = self.module.causal.device.type
        os.environ.setdefault("DS_ACCELERATOR", device)
        import deepspeed

        logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
        # Compiled at its first use, which takes minutes; gloo serves as well.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        settings = {
            "train_micro_batch_size_per_gpu": 1,
            "managed_gradient_accumulation": False,
            "gradient_clipping": most,
            "zero_allow_untested_optimizer": True,
            "zero_optimization": {"stage": 2},
        }
        deepspeed.init_distributed(auto_mpi_discovery=False)
        self._engine, *_ = deepspeed.initialize(
            model=self.module, optimizer=self._adamw, config=settings
        )

    def _make_moments(self) -> None:
        """Before the first step, where AdamW would: a checkpoint may come earlier, and DeepSpeed
        0.19 takes only the first group's moments for those of the parameters."""
        assert self._adamw is not None
        zero = self._engine.optimizer
        for part in zero.single_partition_of_fp32_groups:
            self._adamw.state[part] = {
                _STEP: torch.zeros((), device=part.device),
                **{field: torch.zeros_like(part) for field in _MOMENTS},
            }
        zero._lazy_init_hp_params_optimizer_state()

    def _part(self, name: str) -> DTensor:
        return self.shards.parts[self._key(name)]

    @torch.no_grad()
    def _hand_over(self) -> None:
        for name, parameter in self._own.items():
            parameter.copy_(self._part(name).full_tensor())
        self._engine.optimizer.refresh_fp32_params()

    @torch.no_grad()
    def _take_back(self) -> None:
        for name, parameter in self._own.items():
            self.trained[name].copy_(self._rows_of(name, parameter))

    def _read_moments(self) -> dict[str, Tensor]:
        from deepspeed.utils import safe_get_full_optimizer_state

        assert self._adamw is not None
        steps = next(iter(self._adamw.state.values()))[_STEP]
        found: dict[str, Tensor] = {}
        for name, parameter in self._own.items():
            found[f"{name}|{_STEP}"] = steps.clone()
            for field in _MOMENTS:
                whole = safe_get_full_optimizer_state(parameter, field)
                found[f"{name}|{field}"] = self._rows_of(name, whole).clone()
        return found

    def _write_moments(self, state: Mapping[str, Tensor]) -> None:
        from deepspeed.utils import safe_set_full_optimizer_state

        for name, parameter in self._own.items():
            part = self._part(name)
            for field in _MOMENTS:
                rows = state.get(f"{name}|{field}")
                if rows is None:
                    continue
                whole = DTensor.from_local(
                    rows,
                    part.device_mesh,
                    part.placements,
                    shape=part.shape,
                    stride=part.stride(),
                    run_check=False,
                ).full_tensor()
                safe_set_full_optimizer_state(parameter, whole, field)

    def _rows_of(self, name: str, whole: Tensor) -> Tensor:
        return whole[self.shards.rows(self._key(name))]
