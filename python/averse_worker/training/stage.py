"""What the trainers of stages share: rows of token ids, batches of them, and what they answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from averse_worker.data.text import begun_once, template
from averse_worker.data.tokenise import encode, token_ids
from averse_worker.platform.device import Device
from averse_worker.training.supervised import Learned

HELD_OUT: Final = 1000
"""held-out rows of a measurement on the way, at most: a bound on its time"""


@dataclass(frozen=True)
class Trained:
    """What a stage's trainer answers."""

    learned: Learned
    figures: Mapping[str, float]
    """on the held-out rows, as declared in `engine/registry.py`"""


def classifier_rows(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    max_tokens: int,
    *,
    markers: bool = False,
) -> list[list[int]]:
    """Token ids as a classifier reads them later: a text that is too long loses its beginning, and
    keeps what the tokenizer puts around every text.

    Args:
        markers: as of `encode`.
    """
    before = template(tokenizer)[0]
    rows = [begun_once(row, before) for row in encode(tokenizer, texts, markers=markers)]
    if all(len(row) <= max_tokens for row in rows):
        return rows
    side, tokenizer.truncation_side = tokenizer.truncation_side, "left"
    try:
        words = {"split_special_tokens": not markers, "truncation": True, "max_length": max_tokens}
        return [begun_once(row, before) for row in token_ids(tokenizer, texts, **words)]
    finally:
        tokenizer.truncation_side = side


def padded(rows: Sequence[Sequence[int]], pad: int) -> dict[str, Tensor]:
    """Token ids and mask [B, L], padded on the right."""
    width = max(map(len, rows))
    return {
        "input_ids": torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows]),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
    }


@torch.no_grad()
def logits_of(
    model: nn.Module,
    rows: Sequence[Sequence[int]],
    pad: int,
    batch: int,
    device: Device,
    tick: Callable[[int], None] = lambda done: None,
) -> Tensor:
    """Float32 logits [N, K] of each row, on the CPU; the model is in evaluation mode.

    Args:
        tick: is told how many rows are done, and may raise.
    """
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found: list[Any] = [None] * len(rows)
    for start in range(0, len(order), batch):
        tick(start)
        places = order[start : start + batch]
        inputs = padded([rows[i] for i in places], pad)
        inputs = {name: tensor.to(device.torch_device) for name, tensor in inputs.items()}
        with device.autocast():
            logits = model(**inputs).logits
        for i, row in zip(places, logits.float().cpu(), strict=True):
            found[i] = row
    return torch.stack(found)
