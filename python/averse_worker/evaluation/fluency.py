"""Fluency: how probable completions are to a fixed other language model."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from averse_worker.data.text import template
from averse_worker.data.tokenise import encode
from averse_worker.models.folder import ModelFolder
from averse_worker.models.pretrained import load_pretrained
from averse_worker.models.window import context_of
from averse_worker.platform.device import Device

LARGEST: Final = 1e4
"""A completion with this perplexity or more is left out of the mean, as in DExperts."""
# Logits held at once: 256 MB in float32.
_LOGITS: Final = 1 << 26


@dataclass(frozen=True)
class _Row:
    """Tokens of a text, and from where on they count."""

    tokens: list[int]
    start: int
    """≥ 1: the first token has nothing before it"""
    episode: int
    sign: int
    """-1: its sum is taken off"""


class FluencyModel:
    """A frozen language model with its own tokenizer; it need not have the policy's."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, device: torch.device
    ) -> None:
        """Takes `model` over; it computes in the number format of its weights."""
        self._model = model.to(device).eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._device = device
        self._after = template(tokenizer)[1]
        self.context = context_of(model)
        """tokens; of what is longer the last ones are read"""

    def perplexities(
        self,
        prompts: Sequence[str],
        wholes: Sequence[str],
        tick: Callable[[int, int], None],
    ) -> NDArray[np.float64]:
        """exp{[NLL(prompt + completion) − NLL(prompt)] / tokens of the completion} of each text.

        Liu et al. 2021 (DExperts), as Quark and others after it compute it: NLL is the sum over the
        tokens after a text's first, and the completion's tokens are those that the whole text has
        more than the prompt alone. NaN: there are none.

        Args:
            prompts: of each text alone.
            wholes: prompt and completion in one.
            tick: called with the texts done and their number.
        """
        rows: list[_Row] = []
        counts = np.zeros(len(wholes))
        begins = self._encoded(list(dict.fromkeys(prompts)))
        for episode, (prompt, tokens) in enumerate(zip(prompts, self._ids(wholes), strict=True)):
            begin = begins[prompt]
            counts[episode] = len(tokens) - max(len(begin), 1)
            if counts[episode] <= 0:
                continue
            cut = max(len(tokens) - self.context, 0)
            tokens, begin = tokens[cut:], begin[cut:]
            if tokens[: len(begin)] == begin:
                # The difference of the sums is the sum over the completion alone.
                rows.append(_Row(tokens, max(len(begin), 1), episode, 1))
            else:
                # A token spans prompt and completion.
                rows += [_Row(tokens, 1, episode, 1), _Row(begin, 1, episode, -1)]
        sums = np.zeros(len(wholes))
        done = 0
        for batch in self._batches(rows):
            tick(done, len(rows))
            for row, loss in zip(batch, self._losses(batch), strict=True):
                sums[row.episode] += row.sign * loss
            done += len(batch)
        tick(len(rows), len(rows))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found: NDArray[np.float64] = np.exp(sums / counts)
        found[counts <= 0] = np.nan
        return found

    def _encoded(self, texts: list[str]) -> dict[str, list[int]]:
        return dict(zip(texts, self._ids(texts), strict=True))

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Without what the tokenizer puts after every text."""
        after = self._after
        rows = encode(self._tokenizer, texts)
        return [
            ids[: -len(after)] if after and ids[-len(after) :] == after else ids for ids in rows
        ]

    def _batches(self, rows: list[_Row]) -> list[list[_Row]]:
        """Rows of like length together, as many at once as have logits that fit."""
        vocabulary = self._model.get_input_embeddings().weight.shape[0]
        batches: list[list[_Row]] = [[]]
        for row in sorted(rows, key=lambda row: len(row.tokens)):
            batch = batches[-1]
            if batch and (len(batch) + 1) * len(row.tokens) * vocabulary > _LOGITS:
                batches.append(batch := [])
            batch.append(row)
        return batches if rows else []

    @torch.inference_mode()
    def _losses(self, batch: Sequence[_Row]) -> list[float]:
        """Negative log-likelihood of each row's tokens from its `start` on, in nats."""
        width = max(len(row.tokens) for row in batch)
        tokens = [row.tokens + [0] * (width - len(row.tokens)) for row in batch]
        mask = [[1] * len(row.tokens) + [0] * (width - len(row.tokens)) for row in batch]
        ids = torch.tensor(tokens, device=self._device)
        output: Any = self._model(
            input_ids=ids, attention_mask=torch.tensor(mask, device=self._device), use_cache=False
        )
        losses = torch.nn.functional.cross_entropy(
            output.logits[:, :-1].float().transpose(1, 2), ids[:, 1:], reduction="none"
        )
        losses = losses.double().cpu()
        return [
            float(losses[i, row.start - 1 : len(row.tokens) - 1].sum())
            for i, row in enumerate(batch)
        ]


def load_fluency(folder: ModelFolder, device: Device) -> FluencyModel:
    """The language model in `folder`.

    Raises:
        InputError: it holds no whole language model with a tokenizer.
        MissingEnvironment: a package that it needs is not installed.
    """
    loaded = load_pretrained(folder, "language model", device.frozen_dtype or torch.float32)
    return FluencyModel(loaded.model, loaded.tokenizer, device.torch_device)


@dataclass
class FluencyMean:
    """The mean over completions with a perplexity under `LARGEST`, taken batch by batch."""

    total: float = 0.0
    count: int = 0
    left_out: int = 0

    def add(self, perplexities: NDArray[np.float64]) -> None:
        """NaN (no tokens) and what is not under the bound is left out."""
        kept = perplexities[perplexities < LARGEST]
        self.total += math.fsum(kept.tolist())
        self.count += kept.size
        self.left_out += perplexities.size - kept.size

    @property
    def mean(self) -> float | None:
        """None: every completion was left out."""
        return self.total / self.count if self.count else None
