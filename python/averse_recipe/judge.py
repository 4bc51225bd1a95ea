"""Training of the judge: a text convolution that has seen none of the reward's reviews.

The reward learns from the train split, so the judge learns from the test split and is checked on
the part of it that is kept back (reviews stand film by film: the cut keeps films apart).
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from averse_recipe.corpus import Review
from averse_recipe.crops import crop
from averse_worker.rewards.builtin.convolution import (
    ARCHITECTURE,
    TextConvolution,
    pad,
    word_ids,
)

BUCKETS = 2**15
EMBEDDING = 48
CHANNELS = 80
EPOCHS = 6
BATCH = 48
# Longer reviews lend a random window of this many words.
WINDOW = 240
WORD_DROPOUT = 0.1
KEPT_BACK = 0.2


def judge_split(reviews: Sequence[Review]) -> tuple[list[Review], list[Review]]:
    """Training and kept-back reviews: the last fifth of each class in the order of their ids."""
    training: list[Review] = []
    kept: list[Review] = []
    for positive in (False, True):
        rows = sorted(
            (r for r in reviews if r.positive is positive),
            key=lambda review: int(review.id.rsplit("/", 1)[1]),
        )
        cut = round(len(rows) * (1 - KEPT_BACK))
        training += rows[:cut]
        kept += rows[cut:]
    return training, kept


def train_judge(
    reviews: Sequence[Review],
    folder: Path,
    seed: int = 0,
    progress: Callable[[str], None] = print,
) -> None:
    """Trains on labelled reviews and writes the classifier's folder."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    network = TextConvolution(BUCKETS, EMBEDDING, CHANNELS, dropout=0.4)
    torch.nn.init.normal_(network.embedding.weight, std=0.1)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.02, fused=True)
    steps = EPOCHS * (2 * len(reviews) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 2e-3, total_steps=steps + 1, pct_start=0.15, cycle_momentum=False
    )
    for epoch in range(EPOCHS):
        rows = []
        for review in reviews:
            ids = word_ids(review.text, BUCKETS)
            first = int(rng.integers(max(1, len(ids) - WINDOW + 1)))
            rows.append((ids[first : first + WINDOW], review.positive))
            rows.append((word_ids(crop(review.text, rng), BUCKETS), review.positive))
        # Texts of similar length share a batch; the batches come in random order.
        rows.sort(key=lambda row: len(row[0]) + rng.random() * 8)
        losses = []
        for b in rng.permutation(len(rows) // BATCH).tolist():
            part = rows[b * BATCH : (b + 1) * BATCH]
            batch = pad([row[0] for row in part])
            batch[torch.rand(batch.shape) < WORD_DROPOUT] = 0
            targets = torch.tensor([float(bool(row[1])) for row in part])
            loss = F.binary_cross_entropy_with_logits(network(batch), targets)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        progress(f"judge: epoch {epoch + 1} of {EPOCHS}, loss {np.mean(losses):.4f}")
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: t.half().contiguous() for name, t in network.state_dict().items()},
        folder / "model.safetensors",
    )
    config = {
        "architecture": ARCHITECTURE,
        "buckets": BUCKETS,
        "embedding": EMBEDDING,
        "channels": CHANNELS,
        "scale": 1.0,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
