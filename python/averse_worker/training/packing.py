"""Several texts in one row, of which none sees another: less padding, the same loss."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from averse_worker.data.supervision import IGNORED
from averse_worker.platform.device import Device


def pack(table: Any, max_tokens: int) -> Any:
    """TRL's best-fit packing: rows of whole texts, with their lengths in `seq_lengths`."""
    from datasets.utils.logging import disable_progress_bar, enable_progress_bar
    from trl import pack_dataset

    disable_progress_bar()
    try:
        return pack_dataset(table, max_tokens, "bfd")
    finally:
        enable_progress_bar()


class PackedCollator:
    """Batches of packed rows. Positions begin again at each text, and there is no mask: from that
    transformers sees which tokens belong together. A text's first token has no label."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        width = max(len(row["input_ids"]) for row in rows)
        tokens, labels, positions = [], [], []
        for row in rows:
            spare = width - len(row["input_ids"])
            places = [place for length in row["seq_lengths"] for place in range(length)]
            own = [
                IGNORED if place == 0 else label
                for place, label in zip(places, row["labels"], strict=True)
            ]
            tokens.append([*row["input_ids"], *[self._pad] * spare])
            labels.append([*own, *[IGNORED] * spare])
            positions.append([*places, *range(spare)])
        return {
            "input_ids": torch.tensor(tokens),
            "labels": torch.tensor(labels),
            "position_ids": torch.tensor(positions),
        }


@torch.no_grad()
def packs(model: PreTrainedModel, device: Device) -> bool:
    """Whether packed texts see nothing of each other in this model, tried on two short ones."""
    exact = model.dtype == device.dtype == torch.float32
    near = 1e-3 if exact else 5e-2
    one = torch.arange(2, 6, device=device.torch_device)[None]
    other = one.flip(1)
    positions = torch.arange(4, device=device.torch_device)[None]
    with device.autocast():
        try:
            together = model(
                input_ids=torch.cat([one, other], dim=1),
                position_ids=positions.repeat(1, 2),
                use_cache=False,
            ).logits[:, 4:]
            alone = model(input_ids=other, position_ids=positions, use_cache=False).logits
        except TypeError:  # it takes no positions
            return False
    return torch.allclose(together.float(), alone.float(), rtol=near, atol=near)
