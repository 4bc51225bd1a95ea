"""Trains a sequence classifier on texts with one label each, or with any number of labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer, TrainingArguments

from averse_worker.engine.contract import Report
from averse_worker.models.fresh import Problem
from averse_worker.models.policy import padding_token
from averse_worker.platform.device import Device
from averse_worker.training.classification import multi_label_figures, single_label_figures
from averse_worker.training.stage import HELD_OUT, Trained, classifier_rows, logits_of, padded
from averse_worker.training.supervised import Plan, arguments_for, learn, scratch_folder
from averse_worker.wire.errors import InputError


@dataclass(frozen=True)
class Labelled:
    """A text and its labels; `multiple` where a row may have any number of them."""

    text: str
    labels: tuple[str, ...]
    multiple: bool = False


@dataclass(frozen=True)
class ClassSet:
    """The labels of a data set, in their order in the model."""

    names: tuple[str, ...]
    problem: Problem

    @staticmethod
    def of(rows: Sequence[Labelled], key: str) -> "ClassSet":
        """Numbers in their order, other labels by name.

        Raises:
            InputError: there is only one, or rows of one label are among rows of several.
        """
        multiple = {row.multiple for row in rows}
        if len(multiple) > 1:
            raise InputError(
                f"{key}.data has rows with a list of labels and rows with one label; expected the "
                "same in every row",
                key=f"{key}.data",
            )
        names = sorted({name for row in rows for name in row.labels}, key=_in_order)
        several = multiple == {True}
        if len(names) < (1 if several else 2):
            listed = f"only the label '{names[0]}'" if names else "no label"
            raise InputError(
                f"{key}.data has {listed} in its training rows; expected two or more",
                key=f"{key}.data",
            )
        return ClassSet(
            tuple(names), "multi_label_classification" if several else "single_label_classification"
        )

    def targets(self, rows: Sequence[Labelled], key: str) -> Tensor:
        """[N] classes, or [N, K] zeros and ones.

        Raises:
            InputError: a held-out row has a label that no training row has.
        """
        place = {name: i for i, name in enumerate(self.names)}
        odd = next((name for row in rows for name in row.labels if name not in place), None)
        if odd is not None:
            raise InputError(
                f"{key}.data has a held-out row with the label '{odd}', which no training row has",
                key=f"{key}.data",
            )
        if self.problem == "single_label_classification":
            return torch.tensor([place[row.labels[0]] for row in rows])
        found = torch.zeros(len(rows), len(self.names))
        for i, row in enumerate(rows):
            for name in row.labels:
                found[i, place[name]] = 1.0
        return found

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean over rows (and labels)."""
        if self.problem == "single_label_classification":
            return nn.functional.cross_entropy(logits.float(), targets)
        return nn.functional.binary_cross_entropy_with_logits(logits.float(), targets)

    def figures(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Of held-out rows."""
        held_out = {"held_out_loss": float(self.loss(logits, targets))}
        own = logits.double()
        if self.problem == "single_label_classification":
            classes: Any = targets.numpy().astype(np.intp)
            return held_out | single_label_figures(own.softmax(-1).numpy(), classes)
        return held_out | multi_label_figures(own.sigmoid().numpy(), targets.numpy() > 0.5)


def train_classifier(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    classes: ClassSet,
    rows: tuple[Sequence[Labelled], Sequence[Labelled]],
    plan_for: Callable[[int], Plan],
    max_tokens: int,
    device: Device,
    report: Report,
    key: str,
) -> Trained:
    """Trains `model` in place.

    Args:
        rows: to learn from, and held out.
        plan_for: the plan of so many rows.
        key: of the stage in the configuration.

    Raises:
        InputError: a held-out row has an unknown label.
        Diverged: a loss or gradient is NaN or infinite.
    """
    model.to(device.torch_device)
    pad = padding_token(tokenizer)
    train, held_out = rows
    targets = classes.targets(train, key)
    expected = classes.targets(held_out, key)
    texts = [row.text for row in held_out]
    held_rows = classifier_rows(tokenizer, texts, max_tokens)
    plan = plan_for(len(train))
    from datasets import Dataset

    table = Dataset.from_dict(
        {
            "input_ids": classifier_rows(tokenizer, [row.text for row in train], max_tokens),
            "labels": targets.tolist(),
        }
    )

    def collate(batch: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        labels = torch.tensor([row["labels"] for row in batch], dtype=targets.dtype)
        return {**padded([row["input_ids"] for row in batch], pad), "labels": labels}

    def loss(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
        return classes.loss(outputs.logits, labels)

    def measure() -> float:
        some = held_rows[:HELD_OUT]
        logits = logits_of(model, some, pad, plan.batch, device)
        return float(classes.loss(logits, expected[: len(some)]))

    with scratch_folder() as folder:

        def trainer(watcher: Any) -> Any:
            return Trainer(
                model=model,
                args=arguments_for(
                    plan,
                    device,
                    folder,
                    TrainingArguments,
                    remove_unused_columns=False,
                    train_sampling_strategy="group_by_length",
                ),
                train_dataset=table,
                data_collator=collate,
                compute_loss_func=loss,
                callbacks=[watcher],
            )

        learned = learn(plan, trainer, model, measure if held_rows else None, report)
    model.eval()
    if not held_rows:
        return Trained(learned, {})

    def tick(done: int) -> None:
        report("score", done, len(held_rows), "texts")

    logits = logits_of(model, held_rows, pad, max(plan.batch, 32), device, tick)
    report("score", len(held_rows), len(held_rows), "texts")
    return Trained(learned, classes.figures(logits, expected))


def _in_order(name: str) -> tuple[int, float, str]:
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)
