"""Supervised fine-tuning on the good class, with TRL's SFTTrainer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from averse_worker.data.examples import Example
from averse_worker.data.supervision import IGNORED, Supervised, supervise
from averse_worker.engine.contract import Report
from averse_worker.models.policy import Policy
from averse_worker.models.window import context_of
from averse_worker.platform.device import Device
from averse_worker.platform.finite import require_finite
from averse_worker.training.packing import PackedCollator, pack, packs
from averse_worker.training.supervised import (
    Learned,
    Plan,
    arguments_for,
    learn,
    scratch_folder,
    steps_of,
)
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.training import LossPoint, SftPayload

HELD_OUT: Final = 1000
"""held-out texts that the loss is measured on, at most: a bound on a measurement's time"""


@dataclass(frozen=True)
class FineTuned:
    """How the loss (nats per token) went."""

    loss_first: float
    loss_last: float
    steps: int
    kept_step: int
    curve: list[LossPoint]


def fine_tune(
    policy: Policy,
    texts: Sequence[Example],
    payload: SftPayload,
    report: Report,
    held_out: Sequence[Example] = (),
) -> FineTuned:
    """Trains the policy on `texts`: with LoRA, its adapters. Nothing is written to disk and nothing
    logged. `become_reference` is the caller's.

    Raises:
        InputError: there are no texts, they may be longer than the model's context, or the model
            or its data cannot do what the payload asks.
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
    rows = _rows(policy, texts, payload)
    measured = _rows(policy, held_out[:HELD_OUT], payload) if payload.held_out_every else []
    if payload.held_out_every and not measured:
        raise InputError(
            f"sft.held_out_every is {payload.held_out_every}, but no test row is of the good "
            "class; label some, or set it to 0",
            key="sft.held_out_every",
        )
    measure = _measure(model, measured, policy, payload.batch)
    with scratch_folder() as folder, policy.checkpointed():
        # Imported here: it takes seconds, and many workers never fine-tune.
        report("import", 0, 1, "packages")
        from datasets import Dataset
        from trl import SFTConfig, SFTTrainer

        report("import", 1, 1, "packages")
        table = Dataset.from_dict(
            {"input_ids": [row.tokens for row in rows], "labels": [row.labels for row in rows]}
        )
        extra: dict[str, Any] = {}
        if payload.packing:
            if not packs(policy.actor.causal, policy.device):
                family = type(policy.actor.causal).__name__
                raise InputError(
                    f"sft.packing is true, but in {family} the texts of one row see each other (it "
                    "does not tell them apart by position); set it to false",
                    key="sft.packing",
                )
            table = pack(table, payload.max_tokens)
            extra["data_collator"] = PackedCollator(policy.pad_token)
        plan = _plan(payload, len(table))

        def trainer(watcher: Any) -> Any:
            return SFTTrainer(
                model=model,
                args=arguments_for(
                    plan,
                    policy.device,
                    folder,
                    SFTConfig,
                    max_length=None,
                    # "chunked_nll", the default, would leave the model's forward patched.
                    loss_type="nll",
                    dataset_kwargs={"skip_prepare_dataset": True},
                ),
                train_dataset=table,
                processing_class=policy.tokenizer,
                compute_loss_func=masked_loss,
                callbacks=[watcher],
                **extra,
            )

        learned: Learned = learn(plan, trainer, model, measure, report)
    policy.model.causal.eval()
    require_finite(policy.model.trained())
    first, last = learned.course.edges
    return FineTuned(first, last, learned.steps, learned.kept_step, learned.course.points())


def _rows(policy: Policy, texts: Sequence[Example], payload: SftPayload) -> list[Supervised]:
    rows = supervise(
        policy.tokenizer, texts, payload.max_tokens, completion_only=payload.completion_only
    )
    if texts and not rows:
        raise InputError(
            f"no row of fine-tuning has a token to learn from within sft.max_tokens "
            f"({payload.max_tokens}); raise it",
            key="sft.max_tokens",
        )
    return rows


def _plan(payload: SftPayload, rows: int) -> Plan:
    steps = steps_of(rows, steps=payload.steps, epochs=payload.epochs, batch=payload.batch)
    return Plan(
        seed=payload.seed,
        steps=steps,
        batch=payload.batch,
        learning_rate=payload.learning_rate,
        learning_rate_decay=payload.learning_rate_decay,
        warmup=payload.warmup,
        held_out_every=payload.held_out_every,
        early_stopping=payload.early_stopping,
        section="sft",
        name="supervised fine-tuning",
        phase="sft",
    )


def masked_loss(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
    """Mean −log p of the tokens that are labelled, each given those before it.

    The Trainer's own divides by each text's first token too, which nothing predicts, where the
    class is not named …ForCausalLM (GPT-2): a seventh of the loss at texts of seven tokens.
    """
    logits = outputs.logits[:, :-1].float().flatten(0, 1)
    return nn.functional.cross_entropy(logits, labels[:, 1:].flatten())


# ── held-out loss ───────────────────────────────────────────────────────────────────────────


def _measure(
    model: nn.Module, rows: Sequence[Supervised], policy: Policy, batch: int
) -> Callable[[], float]:
    return lambda: held_out_loss(model, rows, policy.pad_token, policy.device, batch)


@torch.no_grad()
def held_out_loss(
    model: nn.Module, rows: Sequence[Supervised], pad: int, device: Device, batch: int
) -> float:
    """Mean −log p over all labelled tokens of the rows, nats."""
    ordered = sorted(rows, key=lambda row: len(row.tokens))
    loss, count = 0.0, 0
    for start in range(0, len(ordered), batch):
        tokens, mask, labels = _padded(ordered[start : start + batch], pad, device)
        with device.autocast():
            logits = model(input_ids=tokens, attention_mask=mask, use_cache=False).logits
        flat = logits[:, :-1].float().flatten(0, 1)
        targets = labels[:, 1:].flatten()
        loss += float(nn.functional.cross_entropy(flat, targets, reduction="sum").cpu().double())
        count += int((targets != IGNORED).sum())
    return loss / count


def _padded(rows: Sequence[Supervised], pad: int, device: Device) -> tuple[Tensor, Tensor, Tensor]:
    width = max(len(row.tokens) for row in rows)
    spare = [width - len(row.tokens) for row in rows]
    columns = (
        [[*row.tokens, *[pad] * n] for row, n in zip(rows, spare, strict=True)],
        [[1] * len(row.tokens) + [0] * n for row, n in zip(rows, spare, strict=True)],
        [[*row.labels, *[IGNORED] * n] for row, n in zip(rows, spare, strict=True)],
    )
    tokens, mask, labels = (torch.tensor(c, device=device.torch_device) for c in columns)
    return tokens, mask, labels
