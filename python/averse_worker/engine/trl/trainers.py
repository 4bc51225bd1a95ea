"""TRL's GRPOTrainer and RLOOTrainer with a seam where they make advantages.

Their loop is theirs: they sample, score, split, compute the loss and step. The seam is around
`_generate_and_score_completions`, which they call once for all the steps on one batch:

    next command ─▶ rollout: their sampling and log-probabilities, our rewards ─▶ answer
                 ─▶ update: the advantages that came ─▶ their steps ─▶ answer, at the next call
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset

from averse_worker.engine.contract import Report
from averse_worker.engine.trl.meeting import Meeting
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.policy import Policy
from averse_worker.platform.finite import first_not_finite
from averse_worker.store.random_state import RandomState, read_random_state, set_random_state
from averse_worker.training.supervised import LentModel
from averse_worker.wire.errors import Diverged, InputError
from averse_worker.wire.limits import LossArrays

try:
    from trl import GRPOTrainer, RLOOTrainer
except RuntimeError as error:  # TRL wraps the ImportError of a package that only these need
    raise ImportError(
        f"TRL's trainers cannot be imported ({error}); python -m pip install requests"
    ) from error

LossAggregation = str

LOSS_TYPES: Final = {
    "token-mean": "dapo",
    "seq-mean-token-mean": "grpo",
    "seq-mean-token-sum": "luspo",
}
"""GRPOTrainer's losses by `training.loss_aggregation`."""

_BY_TOKENS_OF_BATCH: Final = frozenset({"dapo", "cispo", "vespo"})
"""losses over the number of tokens of the whole rollout, whoever is left out"""
_BY_TOKENS_OF_STEP: Final = frozenset({"bnpo"})
"""over that of the tokens gone through"""


@dataclass(frozen=True)
class RolloutCommand:
    """What is to be sampled."""

    prompts: Sequence[Sequence[int]]
    """token ids, one list per episode"""
    plain: Sequence[str]
    """their texts"""
    seed: int
    score: Callable[[Responses], list[float | None]]
    """trained rewards; None where a component failed"""
    report: Report


@dataclass(frozen=True)
class Rolled:
    """What was sampled; arrays are [B] or [B, T], zero at padding."""

    prompts: PaddedPrompts
    responses: Responses
    log_probs: Tensor
    reference_log_probs: Tensor
    sample_seconds: float
    reference_seconds: float
    """of both passes over log-probabilities"""
    reward_seconds: float


@dataclass(frozen=True)
class UpdateCommand:
    """What is to be learned of the last rollout."""

    arrays: LossArrays
    aggregation: LossAggregation
    steps: int
    """gradient steps per epoch"""
    seed: int
    rate_factor: float
    report: Report


@dataclass(frozen=True)
class Updated:
    """What the trainer says of its steps."""

    figures: dict[str, float]


class Seat:
    """The policy, the process's random state and the mode of layers, while a trainer has them.

    Between commands all is as without it: the engine evaluates, saves and exports as ever.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._lent = LentModel(policy.model.causal)
        self._random: RandomState | None = None
        """the engine's, in the trainer's turn"""

    def enter(self, seed: int | None = None) -> None:
        """The trainer's turn."""
        self._random = read_random_state()
        self._lent.lend_again()
        self._policy.model.causal.train()
        if seed is not None:
            torch.manual_seed(seed)

    def leave(self) -> None:
        """The engine's turn, if it is not already."""
        if self._random is None:
            return
        self._policy.model.causal.eval()
        self._lent.take_back()
        set_random_state(self._random)
        self._random = None

    def unwrap(self) -> None:
        """The trainer is gone."""
        self._lent.unwrap()


class _Placeholders(Dataset[dict[str, str]]):
    """The trainer's data set: prompts come with the commands, so one row stands for any."""

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, index: int) -> dict[str, str]:
        return {"prompt": ""}


STEPS: Final = 2**40
"""More steps than a run has, and a multiple of any number of accumulated ones that is a power of
two; the loop ends by being closed."""


class _Seam:
    """Mixed into a trainer; `meet` comes before `train`."""

    args: Any
    accelerator: Any
    optimizer: Any
    reward_funcs: list[Any]
    max_completion_length: int
    num_iterations: int
    _metrics: dict[str, dict[str, list[float]]]

    def meet(
        self,
        policy: Policy,
        meeting: Meeting,
        seat: Seat,
        new_optimizer: Callable[[Any], None],
        beta: float,
    ) -> None:
        """Gives the trainer its place.

        Args:
            new_optimizer: is told of the optimizer once there is one.
            beta: coefficient of TRL's own KL in the loss.
        """
        self._policy, self._meeting, self._seat = policy, meeting, seat
        self._new_optimizer, self._own_beta = new_optimizer, beta
        self._rate_factor = 1.0
        self._rollout: RolloutCommand | None = None
        self._own_log_probs: Tensor | None = None
        self._completions: list[list[int]] = []
        self._sample_seconds = 0.0
        self._update: UpdateCommand | None = None
        self._losses: list[float] = []
        self._norms: list[float] = []
        self._accumulated: int = self.args.gradient_accumulation_steps
        # Groups are the controller's: the trainer's own advantages are replaced.
        self.num_generations = 1

    # ── the seam ────────────────────────────────────────────────────────────────────────────

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        done, self._update = self._update, None
        self._seat.leave()
        if done is not None:
            self._meeting.answer(self._updated())
        output: dict[str, Any] = {}
        while True:
            command = self._meeting.next_command()
            if isinstance(command, UpdateCommand):
                self._seat.enter(command.seed)
                return self._with_advantages(output, command)
            self._seat.enter(command.seed)
            try:
                output, rolled = self._rolled(command)
            except BaseException as error:
                self._seat.leave()
                self._meeting.refuse(error)
            else:
                self._seat.leave()
                self._meeting.answer(rolled)

    def _rolled(self, command: RolloutCommand) -> tuple[dict[str, Any], Rolled]:
        self._rollout, self._own_log_probs = command, None
        # A multiple of the accumulated steps: log-probabilities are always computed.
        self.args.steps_per_generation = 2 * self._accumulated
        # TRL's own KL is computed from our reference, below.
        self.beta = 0.0
        started = time.perf_counter()
        scoring = 0.0

        def reward(completion_ids: list[list[int]], **_: Any) -> list[float | None]:
            nonlocal scoring
            before = time.perf_counter()
            scores = command.score(self._responses(completion_ids))
            scoring = time.perf_counter() - before
            return scores

        self.reward_funcs[0] = reward
        try:
            output = super()._generate_and_score_completions(  # type: ignore[misc]
                [{"prompt": text} for text in command.plain]
            )
        finally:
            self._rollout = None
        assert self._own_log_probs is not None
        reference = self._reference_log_probs(output, command.report)
        responses = self._responses(self._completions)
        valid = responses.valid()
        if self._own_beta:
            output["ref_per_token_logps"] = reference
        prompts = PaddedPrompts(output["prompt_ids"], output["prompt_mask"].sum(1))
        return output, Rolled(
            prompts,
            responses,
            self._own_log_probs.float() * valid,
            reference.float() * valid,
            self._sample_seconds,
            time.perf_counter() - started - self._sample_seconds - scoring,
            scoring,
        )

    def _responses(self, completions: Sequence[Sequence[int]]) -> Responses:
        width, pad = max(map(len, completions)), self._policy.pad_token
        device = self.accelerator.device
        return Responses(
            torch.tensor([[*row, *[pad] * (width - len(row))] for row in completions]).to(device),
            torch.tensor([len(row) for row in completions]).to(device),
        )

    @torch.no_grad()
    def _reference_log_probs(self, output: dict[str, Any], report: Report) -> Tensor:
        """[B, T], as the trainer would compute them of a reference of its own."""
        tokens = torch.cat([output["prompt_ids"], output["completion_ids"]], dim=1)
        mask = torch.cat([output["prompt_mask"], output["completion_mask"]], dim=1)
        keep, size = output["completion_ids"].shape[1], self.args.per_device_train_batch_size
        parts = []
        with self._policy.reference() as reference:
            for start in range(0, len(tokens), size):
                report("reference", start, len(tokens), "episodes")
                rows = slice(start, start + size)
                found, *_ = super()._get_per_token_logps_and_entropies(  # type: ignore[misc]
                    reference.causal, tokens[rows], mask[rows], keep
                )
                parts.append(found)
        report("reference", len(tokens), len(tokens), "episodes")
        return torch.cat(parts)

    def _with_advantages(self, output: dict[str, Any], command: UpdateCommand) -> dict[str, Any]:
        """The batch that the trainer's steps are on: who takes part, with the advantages sent."""
        arrays = command.arrays
        assert arrays.advantages is not None
        chunks = command.steps * self._accumulated
        # TRL's own KL is of everybody.
        taking = np.arange(len(arrays.advantages)) if self._own_beta else arrays.taking_part
        rows = filled(taking, len(arrays.advantages), chunks)
        advantages = torch.zeros(len(rows), device=output["advantages"].device)
        advantages[: len(taking)] = torch.from_numpy(arrays.advantages[taking]).to(advantages)
        chosen = torch.from_numpy(rows).to(advantages.device)
        picked = {
            name: part[chosen] if isinstance(part, Tensor) and part.ndim else part
            for name, part in output.items()
        }
        loss_type = self._choose_loss(command.aggregation)
        picked["advantages"] = advantages * _share(loss_type, output, chosen)
        self.args.steps_per_generation = chunks
        self.beta = self._own_beta
        self._step = 0
        self._update, self._losses, self._norms = command, [], []
        self._metrics["train"].clear()
        self._rate_factor = command.rate_factor
        for group in self.optimizer.param_groups:
            group["lr"] = self.args.learning_rate * command.rate_factor
        return picked

    def _choose_loss(self, aggregation: LossAggregation) -> str:
        """The loss of the steps to come, a key of `LOSS_TYPES`' values or of the options."""
        raise NotImplementedError

    def _updated(self) -> Updated:
        metrics = {name: values for name, values in self._metrics["train"].items() if values}
        figures = {"loss_policy": mean(self._losses), "grad_norm": mean(self._norms)}
        for name, theirs in (
            ("entropy", "entropy"),
            ("clip_fraction", "clip_ratio/region_mean"),
            ("kl_per_token", "kl"),
        ):
            if theirs in metrics:
                figures[name] = mean(metrics[theirs])
        self._metrics["train"].clear()
        return Updated(figures)

    # ── what the trainer calls ──────────────────────────────────────────────────────────────

    def get_train_dataloader(self) -> Any:
        """Nothing in it is used: prompts come with the commands."""
        return DataLoader(_Placeholders(), batch_size=1, collate_fn=list, num_workers=0)

    def create_optimizer(self, *arguments: Any, **named: Any) -> Any:
        """Theirs, or the one that was kept of an earlier loop."""
        optimizer = super().create_optimizer(*arguments, **named)  # type: ignore[misc]
        self._new_optimizer(optimizer)
        return optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The learning rate times the controller's factor."""
        optimizer = optimizer or self.optimizer
        for group in optimizer.param_groups:
            group["lr"] = self.args.learning_rate
        self.lr_scheduler = LambdaLR(optimizer, lambda _: self._rate_factor)
        return self.lr_scheduler

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[Any, None, dict[str, Any]]:
        assert self._rollout is not None
        return [list(tokens) for tokens in self._rollout.prompts], None, {}

    def _generate(self, prompts: list[str]) -> Any:
        command = self._rollout
        assert command is not None
        started = time.perf_counter()
        with self._told_per_token(len(prompts), command.report):
            found = super()._generate(prompts)  # type: ignore[misc]
        self._completions = found[1]
        self._sample_seconds = time.perf_counter() - started
        return found

    @contextmanager
    def _told_per_token(self, episodes: int, report: Report) -> Iterator[None]:
        """Within the block each pass of the policy draws one token of each episode."""
        drawn, total = 0, episodes * self.max_completion_length

        def tick(*_: Any) -> None:
            nonlocal drawn
            report("sample", min(drawn, total), total, "tokens")
            drawn += episodes

        hook = self._policy.model.causal.register_forward_pre_hook(tick)
        try:
            yield
        finally:
            hook.remove()
        report("sample", total, total, "tokens")

    def _get_per_token_logps_and_entropies(self, *arguments: Any, **named: Any) -> Any:
        found = super()._get_per_token_logps_and_entropies(*arguments, **named)  # type: ignore[misc]
        if self._rollout is not None and self._own_log_probs is None:
            self._own_log_probs = found[0]
        return found

    def training_step(self, *arguments: Any, **named: Any) -> Tensor:
        """Theirs, reported, with a loss that is a number."""
        loss: Tensor = super().training_step(*arguments, **named)  # type: ignore[misc]
        command = self._update
        assert command is not None
        value = float(loss)
        if not np.isfinite(value):
            raise Diverged(_diverged("the loss"))
        # The trainer adds the losses of accumulated passes up, each over their number.
        if (self._step - 1) % self._accumulated == 0:
            self._losses.append(0.0)
        self._losses[-1] += value
        total = command.steps * self.num_iterations
        command.report("update", len(self._losses) - 1, total, "steps", self._losses[-1])
        return loss

    def _get_grad_norm(self, *arguments: Any, **named: Any) -> float:
        norm = float(super()._get_grad_norm(*arguments, **named))  # type: ignore[misc]
        # A scaler of float16 expects infinities, and skips those steps.
        if not np.isfinite(norm) and not self.args.fp16:
            gradients = {
                name: p.grad for name, p in self._policy.parameters.items() if p.grad is not None
            }
            bad = first_not_finite(gradients)
            raise Diverged(_diverged(f"the gradient of {bad}" if bad else "the gradient's norm"))
        self._norms.append(norm)
        return norm


class SeamedGrpo(_Seam, GRPOTrainer):  # type: ignore[misc]
    """GRPOTrainer with the seam."""

    fixed_loss: str | None = None
    """that the options name"""

    def _choose_loss(self, aggregation: LossAggregation) -> str:
        self.loss_type = self.fixed_loss or LOSS_TYPES[aggregation]
        return self.loss_type


class SeamedRloo(_Seam, RLOOTrainer):  # type: ignore[misc]
    """RLOOTrainer with the seam."""

    def _choose_loss(self, aggregation: LossAggregation) -> str:
        if aggregation != "seq-mean-token-sum":
            raise InputError(
                f"training.loss_aggregation is {aggregation}, but RLOOTrainer's loss is a mean "
                "over completions with one ratio each; set it to seq-mean-token-sum, or "
                "backend.engine_options.trainer to grpo",
                key="training.loss_aggregation",
            )
        return "luspo"


def filled(taking: NDArray[np.intp], episodes: int, chunks: int) -> NDArray[np.intp]:
    """Rows of a batch that divides into so many equal chunks: those that take part first, then the
    fewest others (some twice, where there are not enough), which get an advantage of 0."""
    wanted = -(-len(taking) // chunks) * chunks
    others = np.setdiff1d(np.arange(episodes), taking)
    pool = np.concatenate([others, taking])
    return np.concatenate([taking, np.resize(pool, wanted - len(taking))]).astype(np.intp)


def _share(loss_type: str, output: dict[str, Any], chosen: Tensor) -> float:
    """What advantages are multiplied by, so that the loss is a mean over the whole rollout and not
    over those that the trainer gets to see."""
    if loss_type in _BY_TOKENS_OF_BATCH:
        return 1.0
    if loss_type in _BY_TOKENS_OF_STEP:
        tokens = output["completion_mask"].sum(1)
        return float(tokens[chosen].sum() / tokens.sum())
    return len(chosen) / len(output["advantages"])


def mean(values: Sequence[float]) -> float:
    """Of at least one."""
    return float(sum(values) / len(values))


def _diverged(what: str) -> str:
    return (
        f"{what} became NaN or infinite in TRL's step; start a new run with a lower "
        "training.learning_rate or a smaller reward scale"
    )
