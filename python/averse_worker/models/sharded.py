"""A policy divided among processes: each keeps a part of every parameter, of its gradient and of
the optimizer's state (ZeRO-3; Rajbhandari et al. 2020), with torch's FSDP2.

    model      the network as it was loaded; its parameters are there within `Shards.whole` alone.
               Sampled from, evaluated, fine-tuned, exported: what computes without the others.
    network    a second view of the same, which FSDP2 puts together block by block: passes with
               gradients, in which all processes take part in step.
"""

import contextlib
import copy
import warnings
from collections.abc import Iterator, Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from averse_worker.models.actor_critic import ActorCritic, Evaluated
from averse_worker.models.descent import Descent, MakeOptimizer, ShardedDescent
from averse_worker.models.kernels.checkpointing import blocks
from averse_worker.platform.device import Device
from averse_worker.platform.ranks import Ranks


class Shards:
    """The parameters of a module, of which each process holds some of the rows."""

    def __init__(self, module: nn.Module, parts: Mapping[str, DTensor], ranks: Ranks) -> None:
        """Empties the module.

        Args:
            parts: of all its parameters, by name, divided along their first dimension.
        """
        self.parts = dict(parts)
        self._ranks = ranks
        self._targets = {n: p for n, p in module.named_parameters() if n in self.parts}
        self._whole: set[str] = set()
        for name in self._targets:
            self._release(name)

    @property
    def local(self) -> dict[str, Tensor]:
        """This process's rows, by name; the parts themselves and no copies."""
        return {name: part.to_local().detach() for name, part in self.parts.items()}

    @contextlib.contextmanager
    def whole(self, of: nn.Module | None = None, *, taken_over: bool = False) -> Iterator[None]:
        """For the block, the module's parameters are there, in every process. All enter it at the
        same point; it may be left at any.

        Args:
            of: a part of the module, whose parameters are enough.
            taken_over: whether a block that ends well has changed them, alike in all processes.
        """
        own = None if of is None else {id(p) for p in of.parameters()}
        names = [
            name
            for name, target in self._targets.items()
            if name not in self._whole and (own is None or id(target) in own)
        ]
        try:
            if names:
                self._ranks.together(lambda: self._gather(names))
            yield
            if taken_over:
                self._take_over()
        finally:
            for name in names:
                self._release(name)

    @torch.no_grad()
    def copy_from(self, others: "Shards") -> None:
        """Takes up the values of a module of the same names and shapes."""
        for name, tensor in self.local.items():
            tensor.copy_(others.parts[name].to_local())

    @torch.no_grad()
    def _gather(self, names: list[str]) -> None:
        for name in names:
            self._targets[name].data = self.parts[name].full_tensor().detach()
            self._whole.add(name)

    @torch.no_grad()
    def _take_over(self) -> None:
        for name in self._whole:
            rows = self.rows(name)
            self.parts[name].to_local().copy_(self._targets[name].data[rows])

    def rows(self, name: str) -> slice:
        """Which rows of a parameter are this process's."""
        part = self.parts[name]
        step = -(-part.shape[0] // self._ranks.count)
        start = min(step * self._ranks.rank, part.shape[0])
        return slice(start, start + part.to_local().shape[0])

    def _release(self, name: str) -> None:
        target = self._targets[name]
        # One NaN that looks like the whole: shapes can be read, and a use out of place is seen.
        nothing = torch.full((), torch.nan, dtype=target.dtype, device=target.device)
        target.data = nothing.expand(target.shape)
        self._whole.discard(name)


def shards_of(module: nn.Module, ranks: Ranks) -> Shards:
    """Divides a module that is alike in all processes, and only ever used whole."""
    parts = {}
    for name, parameter in module.named_parameters():
        mesh = ranks.mesh(parameter.device.type)
        # None: each process has the values and cuts out its own rows.
        cut = distribute_tensor(parameter.detach(), mesh, [Shard(0)], src_data_rank=None)
        # The rows alone: a view would keep the whole.
        own = cut.to_local().clone()
        parts[name] = DTensor.from_local(
            own, mesh, [Shard(0)], shape=cut.shape, stride=cut.stride(), run_check=False
        )
    return Shards(module, parts, ranks)


class Network:
    """What an update differentiates: a network that is put together block by block."""

    def __init__(self, model: ActorCritic, layers: int, ranks: Ranks) -> None:
        """Takes the parameters of `model` over, which is left without.

        Args:
            layers: blocks of its trunk.
        """
        # Nothing changes what comes out of it in place.
        warnings.filterwarnings("ignore", message=".*returned a view tensor")
        self._ranks = ranks
        self._pending = False
        """whether there was a forward pass without its backward pass"""
        # The same parameters in modules of their own: FSDP2 changes those.
        network = copy.deepcopy(model, {id(p): p for p in model.parameters()})
        mesh = ranks.mesh(model.causal.device.type)
        parts = [*blocks(network.causal.base_model, layers), network]
        for module in parts:
            sharded = fully_shard(module, mesh=mesh)
            # The coefficients of the loss are those of the whole batch: gradients add up.
            sharded.set_gradient_divide_factor(1.0)
            sharded.set_force_sum_reduction_for_comms(True)
        self.module = network
        self.language_model = network.language_model
        self.shards = Shards(model, _parameters(network), ranks)
        trained = {n: cast(DTensor, p) for n, p in network.trained().items()}
        self._trained = trained
        self.trained = {n: nn.Parameter(p.to_local().detach()) for n, p in trained.items()}
        """this process's rows of everything that is trained, by name: what an optimizer changes"""

    def __call__(self, *args: object, **kwargs: object) -> Evaluated:
        """A forward pass of all processes, as `ActorCritic.forward`, to which a `backward` belongs.

        Raises:
            LeftError: the command in hand failed in another process.
        """
        self.settle()

        def forward() -> Evaluated:
            self._pending = True
            seen: Evaluated = self.module(*args, **kwargs)
            return seen

        return self._ranks.together(forward)

    def backward(self, loss: Tensor) -> None:
        """Adds the gradients of all processes to those of `trained`.

        Raises:
            LeftError: the command in hand failed in another process.
        """
        self._ranks.together(loss.backward)
        self._pending = False
        for name, part in self._trained.items():
            if part.grad is None:
                continue
            found, own = cast(DTensor, part.grad).to_local(), self.trained[name]
            own.grad = found if own.grad is None else own.grad.add_(found)
            part.grad = None

    def descent(self, make: MakeOptimizer, most: float, device: Device) -> Descent:
        """Of `trained`; as `Descent`."""
        return ShardedDescent(self.trained, make, most, device, self._ranks)

    def rows(self, name: str) -> tuple[int, int] | None:
        """Of the actor's parameter of this name, or the value head's, as `Policy.rows`."""
        parts, key = self.shards.parts, self._key(name)
        return (self.shards.rows(key).start, parts[key].shape[0]) if key in parts else None

    def _key(self, name: str) -> str:
        """Of the actor's parameter of this name, or the value head's, among `shards.parts`."""
        return name if name in self.shards.parts else f"causal.{name}"

    @contextlib.contextmanager
    def updating(self) -> Iterator[None]:
        """Around all passes of an update."""
        try:
            yield
        finally:
            self.settle()

    def settle(self) -> None:
        """Gives up a forward pass that no backward pass will follow."""
        if self._pending:
            cast(FSDPModule, self.module).reset_iter_state()
            self._pending = False


def _parameters(network: ActorCritic) -> dict[str, DTensor]:
    return {name: cast(DTensor, p) for name, p in network.named_parameters()}
