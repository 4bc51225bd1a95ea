"""Supervised fine-tuning on the good class, with TRL's SFTTrainer."""

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback

from averse_worker.data.tokenise import tokenise_texts
from averse_worker.engine.contract import Report
from averse_worker.models.policy import Policy
from averse_worker.models.window import context_of
from averse_worker.platform.device import Device, quiet
from averse_worker.platform.finite import first_not_finite, require_finite
from averse_worker.wire.errors import Diverged, InputError
from averse_worker.wire.messages.training import SftPayload

# The learning rate rises over this fraction of the steps and then falls linearly to zero.
_WARMUP: Final = 0.05
# Reported losses are means over this fraction of the steps, at either end.
_EDGE: Final = 0.1


@dataclass(frozen=True)
class FineTuned:
    """How the loss (nats per token) went."""

    loss_first: float
    loss_last: float


def fine_tune(
    policy: Policy, texts: Sequence[str], payload: SftPayload, report: Report
) -> FineTuned:
    """Trains the policy on `texts` for `payload.steps` steps; it becomes its own reference.

    With LoRA, adapters are trained, and the reference gets a copy of them. Nothing is written to
    disk and nothing logged.

    Raises:
        InputError: there are no texts, or they may be longer than the model's context.
        Diverged: a loss, gradient or weight is NaN or infinite.
    """
    if not texts:
        raise InputError(
            'supervised fine-tuning needs train rows with "text" and "label": "good", but there '
            "are none; label some rows, or set sft.steps to 0",
            key="data.path",
        )
    context = context_of(policy.actor.causal)
    if payload.max_tokens > context:
        raise InputError(
            f"sft.max_tokens is {payload.max_tokens}, but policy.model has {context} positions; "
            f"set it to {context} or lower",
            key="sft.max_tokens",
        )
    model = policy.adapter if policy.adapter is not None else policy.actor.causal
    rows = tokenise_texts(policy.tokenizer, texts, payload.max_tokens)
    watcher = _Watcher(payload.steps, report)
    # The trainer changes them (use_cache, for example), and an export would keep the changes.
    configs = [(vars(c), dict(vars(c))) for c in (model.config, model.generation_config)]
    with quiet(), tempfile.TemporaryDirectory(prefix="averse-sft-") as folder:
        # Imported here: it takes seconds, and many workers never fine-tune.
        report("import", 0, 1, "packages")
        from datasets import Dataset
        from trl import SFTTrainer

        report("import", 1, 1, "packages")

        trainer = SFTTrainer(
            model=model,
            args=_arguments(payload, policy.device, folder),
            train_dataset=Dataset.from_dict({"input_ids": rows, "labels": rows}),
            processing_class=policy.tokenizer,
            compute_loss_func=_masked_loss,
            callbacks=[watcher],
        )
        trainer.remove_callback(PrinterCallback)
        report("sft", 0, payload.steps, "steps")
        try:
            trainer.train()
        finally:
            # Mixed precision hides the class's `forward` behind a wrapper on the instance.
            vars(model).pop("forward", None)
            vars(model).pop("_original_forward", None)
            for now, former in configs:
                now.clear()
                now.update(former)
            model.zero_grad(set_to_none=True)
    require_finite(policy.parameters)
    policy.become_reference()
    edge = max(1, round(_EDGE * len(watcher.losses)))
    return FineTuned(
        statistics.fmean(watcher.losses[:edge]), statistics.fmean(watcher.losses[-edge:])
    )


def _arguments(payload: SftPayload, device: Device, folder: str) -> Any:
    from trl import SFTConfig

    on_gpu = device.torch_device.type == "cuda"
    arguments = SFTConfig(
        output_dir=folder,
        max_steps=payload.steps,
        per_device_train_batch_size=payload.batch,
        learning_rate=payload.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=round(_WARMUP * payload.steps),
        weight_decay=0.0,
        seed=payload.seed,
        max_length=None,
        # "chunked_nll", the default, would leave the model's forward patched.
        loss_type="nll",
        dataset_kwargs={"skip_prepare_dataset": True},
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
    )
    if on_gpu:
        # One worker, one device: without this the Trainer uses every device.
        arguments.device  # noqa: B018 — sets the devices up, which the next line corrects
        arguments._n_gpu = 1
    return arguments


def _masked_loss(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
    """Mean −log p of the tokens that are labelled, each given those before it.

    The Trainer's own divides by each text's first token too, which nothing predicts, where the
    class is not named …ForCausalLM (GPT-2): a seventh of the loss at texts of seven tokens.
    """
    logits = outputs.logits[:, :-1].float().flatten(0, 1)
    return nn.functional.cross_entropy(logits, labels[:, 1:].flatten())


class _Watcher(TrainerCallback):  # type: ignore[misc]
    """Reports progress, which raises an interrupt, and keeps the losses."""

    def __init__(self, steps: int, report: Report) -> None:
        self.losses: list[float] = []
        self._steps = steps
        self._report = report

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._report("sft", state.global_step, self._steps, "steps")

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        if args.fp16:
            return  # its scaler expects infinities, and skips those steps
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        # Clipping ran before and may have spread it: this is the first tensor that has it.
        if name := first_not_finite(gradients):
            raise Diverged(
                f"the gradient of {name} is NaN or infinite at step {state.global_step + 1} of "
                "supervised fine-tuning (the step was not applied); lower sft.learning_rate"
            )

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float], **kwargs: Any
    ) -> None:
        if "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not np.isfinite(loss):
            raise Diverged(
                f"the loss of supervised fine-tuning is {loss} at step {state.global_step}; "
                "lower sft.learning_rate"
            )
        self.losses.append(loss)
