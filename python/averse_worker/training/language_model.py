"""Trains a language model on texts, from scratch or from a model of the same tokenizer.

    texts ─▶ tokens, an end after each ─▶ pieces of at most max_tokens ─▶ packed rows ─▶ −log p

Texts share rows but see nothing of each other, so that every text begins at position 0, as a prompt
does later.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer, TrainingArguments

from averse_worker.data.supervision import Supervised
from averse_worker.data.tokenise import tokenise_texts
from averse_worker.engine.contract import Report
from averse_worker.models.language_model import LanguageModel
from averse_worker.models.policy import padding_token
from averse_worker.models.window import context_of
from averse_worker.platform.device import Device, quiet
from averse_worker.training.packing import PackedCollator, pack, packs
from averse_worker.training.sft import held_out_loss, masked_loss
from averse_worker.training.stage import HELD_OUT, Trained
from averse_worker.training.supervised import Plan, arguments_for, learn, scratch_folder
from averse_worker.wire.errors import InputError


def language_rows(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_tokens: int
) -> list[Supervised]:
    """The texts' tokens in pieces of at most `max_tokens`, each text closed by an end of text."""
    whole = tokenise_texts(tokenizer, texts, 1 << 31)
    pieces = [
        tokens[start : start + max_tokens]
        for tokens in whole
        for start in range(0, len(tokens), max_tokens)
    ]
    return [Supervised(piece, list(piece)) for piece in pieces if len(piece) > 1]


def packed_table(rows: Sequence[Supervised], max_tokens: int, *, packing: bool) -> Any:
    """A `datasets` table of the rows, packed or one by one."""
    from datasets import Dataset

    table = Dataset.from_dict(
        {"input_ids": [row.tokens for row in rows], "labels": [row.labels for row in rows]}
    )
    if packing:
        return pack(table, max_tokens)
    return table.add_column("seq_lengths", [[len(row.tokens)] for row in rows])


def train_language_model(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: tuple[Sequence[str], Sequence[str]],
    plan_for: Any,
    max_tokens: int,
    device: Device,
    report: Report,
    key: str,
) -> Trained:
    """Trains `model` in place.

    Args:
        texts: to learn from, and held out.
        plan_for: the `Plan` of so many rows.
        key: of the stage in the configuration.

    Raises:
        InputError: there is nothing to learn from, or a row may be longer than the context.
        Diverged: a loss or gradient is NaN or infinite.
    """
    context = context_of(model)
    if max_tokens > context:
        raise InputError(
            f"{key}.max_tokens is {max_tokens}, but its base has {context} positions; set it to "
            f"{context} or lower",
            key=f"{key}.max_tokens",
        )
    # Fails where it could not be a policy, and takes the fastest attention that fits.
    LanguageModel(model.to(device.torch_device), f"{key}.base")
    pad = padding_token(tokenizer)
    with scratch_folder() as folder:
        rows, held_out = (language_rows(tokenizer, part, max_tokens) for part in texts)
        table = packed_table(rows, max_tokens, packing=packs(model, device))
        plan: Plan = plan_for(len(table))

        def trainer(watcher: Any) -> Any:
            return Trainer(
                model=model,
                args=arguments_for(
                    plan, device, folder, TrainingArguments, remove_unused_columns=False
                ),
                train_dataset=table,
                data_collator=PackedCollator(pad),
                compute_loss_func=masked_loss,
                callbacks=[watcher],
            )

        watched = held_out[:HELD_OUT]
        learned = learn(
            plan,
            trainer,
            model,
            (lambda: held_out_loss(model, watched, pad, device, plan.batch)) if watched else None,
            report,
        )
    model.eval()
    figures = {}
    if held_out:
        loss = held_out_loss(model, held_out, pad, device, max(plan.batch, 32))
        figures = {"held_out_loss": loss, "perplexity": math.exp(min(loss, 700.0))}
    return Trained(learned, figures)


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Any) -> None:
    """In transformers' format, weights in float32."""
    with quiet():
        model.to("cpu", torch.float32).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
