"""What every supervised training with transformers' Trainer shares: settings, progress, faults.

Fine-tuning of the policy and the stages (language models, classifiers, reward models) run through
here; each brings its own trainer, rows and loss.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback

from averse_worker.engine.contract import Report
from averse_worker.platform.device import Device, quiet
from averse_worker.platform.files import temporary_folder
from averse_worker.platform.finite import first_not_finite
from averse_worker.training.course import Course, EarlyStopping
from averse_worker.wire.errors import Diverged
from averse_worker.wire.messages.training import LearningRateDecay


@dataclass(frozen=True)
class Plan:
    """How long and how fast one model learns."""

    seed: int
    steps: int
    batch: int
    learning_rate: float
    learning_rate_decay: LearningRateDecay
    warmup: float
    """fraction of the steps"""
    held_out_every: int
    """steps between measurements of the held-out loss; 0: none"""
    early_stopping: int
    """measurements without improvement before it stops; 0: off"""
    section: str
    """of the configuration, for errors"""
    name: str
    """of what is done, for errors"""
    phase: str
    """of its progress"""


@dataclass(frozen=True)
class Learned:
    """How a training went."""

    course: Course
    steps: int
    kept_step: int
    """after which the weights are that were kept"""


def steps_of(rows: int, *, steps: int | None, epochs: float | None, batch: int) -> int:
    """Gradient steps of so many passes over the rows, where no number of steps is given."""
    if steps is not None:
        return steps
    assert epochs is not None
    return max(1, math.ceil(epochs * math.ceil(rows / batch)))


def arguments_for(plan: Plan, device: Device, folder: str, kind: Any, **more: Any) -> Any:
    """The arguments of a Trainer; `kind` is their class, `more` is of that class."""
    on_gpu = device.torch_device.type == "cuda"
    arguments = kind(
        output_dir=folder,
        max_steps=plan.steps,
        per_device_train_batch_size=plan.batch,
        learning_rate=plan.learning_rate,
        lr_scheduler_type=(
            "constant_with_warmup"
            if plan.learning_rate_decay == "constant"
            else plan.learning_rate_decay
        ),
        warmup_steps=round(plan.warmup * plan.steps),
        weight_decay=0.0,
        seed=plan.seed,
        gradient_checkpointing=False,
        bf16=device.dtype == torch.bfloat16,
        fp16=device.dtype == torch.float16 and on_gpu,
        use_cpu=device.torch_device.type == "cpu",
        dataloader_pin_memory=on_gpu,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **more,
    )
    if on_gpu:
        # One worker, one device: without this the Trainer uses every device.
        arguments.device  # noqa: B018 — sets the devices up, which the next line corrects
        arguments._n_gpu = 1
    return arguments


@contextlib.contextmanager
def scratch_folder() -> Iterator[str]:
    """A folder for a Trainer that writes nothing, with libraries silenced."""
    with quiet(), temporary_folder("averse-sft-") as folder:
        yield str(folder)


class LentModel:
    """A model that a Trainer has for a time; what it changes beside the weights is put back.

    It changes the configurations (use_cache, special tokens), which an export would keep.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        held = [getattr(model, name, None) for name in ("config", "generation_config")]
        self._configs = [vars(config) for config in held if config is not None]
        self._own = [dict(config) for config in self._configs]
        self._theirs = self._own

    def take_back(self) -> None:
        """The configurations are the owner's."""
        self._theirs = [dict(config) for config in self._configs]
        self._put(self._own)

    def lend_again(self) -> None:
        """The configurations are as the Trainer left them."""
        self._put(self._theirs)

    def unwrap(self) -> None:
        """Removes gradients, and what mixed precision hides the class's `forward` behind."""
        vars(self._model).pop("forward", None)
        vars(self._model).pop("_original_forward", None)
        self._model.zero_grad(set_to_none=True)

    def _put(self, contents: Sequence[Mapping[str, Any]]) -> None:
        for config, content in zip(self._configs, contents, strict=True):
            config.clear()
            config.update(content)


def learn(
    plan: Plan,
    make_trainer: Callable[[TrainerCallback], Any],
    model: nn.Module,
    measure: Callable[[], float] | None,
    report: Report,
) -> Learned:
    """Trains, and leaves the kept weights in `model` and nothing else of the Trainer's.

    Args:
        make_trainer: builds the Trainer with the callback.
        measure: the held-out loss of the model as it is; it is in evaluation mode then.

    Raises:
        Diverged: a loss or gradient is NaN or infinite.
    """
    watcher = _Watcher(plan, model, measure, report)
    lent = LentModel(model)
    trainer = make_trainer(watcher)
    trainer.remove_callback(PrinterCallback)
    report(plan.phase, 0, plan.steps, "steps")
    try:
        trainer.train()
    finally:
        lent.take_back()
        lent.unwrap()
    taken = len(watcher.course.losses)
    kept = watcher.keep_best()
    if taken < plan.steps:
        report(plan.phase, plan.steps, plan.steps, "steps")
    return Learned(watcher.course, taken, taken if kept is None else kept)


class _Watcher(TrainerCallback):  # type: ignore[misc]
    """Reports progress, which raises an interrupt; keeps losses and the best weights."""

    def __init__(
        self, plan: Plan, model: nn.Module, measure: Callable[[], float] | None, report: Report
    ) -> None:
        self.course = Course(plan.steps)
        self._plan = plan
        self._model = model
        self._measure = measure if plan.held_out_every else None
        self._stopping = EarlyStopping(plan.early_stopping)
        self._best: tuple[int, Mapping[str, Tensor]] | None = None
        self._report = report
        self._rate = 0.0
        self._loss: float | None = None

    def keep_best(self) -> int | None:
        """Puts the best weights back; the step after which they were. None: there are none."""
        if self._best is None:
            return None
        step, weights = self._best
        with torch.no_grad():
            for name, parameter in self._trained().items():
                parameter.copy_(weights[name])
        return step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        plan, step = self._plan, state.global_step
        # The loss of this step is logged only after it.
        self._report(plan.phase, step, plan.steps, "steps", self._loss)
        if self._measure is None:
            return
        if step % plan.held_out_every and step != plan.steps:
            return
        self._model.eval()
        loss = self._measure()
        self._model.train()
        if not math.isfinite(loss):
            raise Diverged(self._remedy(f"the held-out loss is {loss} after step {step}"))
        self.course.measured(step, loss)
        if self._stopping.improves(loss) and plan.early_stopping:
            weights = {n: p.detach().cpu().clone() for n, p in self._trained().items()}
            self._best = (step, weights)
        control.should_training_stop |= self._stopping.stopped

    def on_pre_optimizer_step(
        self,
        args: Any,
        state: Any,
        control: Any,
        model: Any = None,
        optimizer: Any = None,
        **kwargs: Any,
    ) -> None:
        self._rate = float(optimizer.param_groups[0]["lr"])
        if args.fp16:
            return  # its scaler expects infinities, and skips those steps
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        # Clipping ran before and may have spread it: this is the first tensor that has it.
        if name := first_not_finite(gradients):
            raise Diverged(
                self._remedy(
                    f"the gradient of {name} is NaN or infinite at step {state.global_step + 1} of "
                    f"{self._plan.name} (the step was not applied)"
                )
            )

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float], **kwargs: Any
    ) -> None:
        if "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not np.isfinite(loss):
            raise Diverged(
                self._remedy(f"the loss of {self._plan.name} is {loss} at step {state.global_step}")
            )
        self._loss = loss
        self.course.add(loss, self._rate)

    def _trained(self) -> dict[str, nn.Parameter]:
        return {n: p for n, p in self._model.named_parameters() if p.requires_grad}

    def _remedy(self, what: str) -> str:
        return f"{what}; lower {self._plan.section}.learning_rate"
