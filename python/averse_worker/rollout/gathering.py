"""A rollout of several processes made whole in each: every one holds all episodes afterwards.

An update deals the episodes out anew, wherever they were sampled, and its sums and moments are over
all of them; so their tensors, about 30 bytes per token, go to every process once.
"""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from averse_worker.data.text import Control, Text
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.platform.arrays import Packed, gather_messages, joined_rows
from averse_worker.platform.ranks import Ranks
from averse_worker.rewards.gathering import PackedScores, joined
from averse_worker.rollout.collect import Critique, Episodes, RolloutSummary


class PackedText(msgspec.Struct, frozen=True):
    """A `Text` as it goes from process to process."""

    plain: str
    pieces: list[tuple[bool, str]]
    """of each, whether it is a control token"""
    prompt: str
    reply: str | None

    @staticmethod
    def of(text: Text) -> "PackedText":
        """Packs it."""
        pieces = [
            (isinstance(p, Control), p.token if isinstance(p, Control) else p) for p in text.pieces
        ]
        return PackedText(str(text), pieces, text.prompt, text.reply)

    def text(self) -> Text:
        """The same text."""
        pieces = [Control(piece) if control else piece for control, piece in self.pieces]
        return Text(self.plain, pieces, self.prompt, self.reply)


class _Part(msgspec.Struct, frozen=True):
    """The episodes of one process."""

    prompts: list[Packed]
    """tokens and lengths; then those of the prompts without a condition, where there is one"""
    rows: dict[str, Packed]
    """arrays whose rows are the episodes, by name"""
    components: list[PackedScores]
    trained: list[Packed]
    texts: list[PackedText]


def gather_rollout(
    episodes: Episodes, summary: RolloutSummary, pad: int, ranks: Ranks
) -> tuple[Episodes, RolloutSummary]:
    """All processes' episodes, in the order of their parts, from those of this one.

    Args:
        pad: the token that fills up prompts.
    """
    if ranks.count == 1:
        return episodes, summary
    parts = gather_messages(_packed(episodes, summary), _Part, ranks)
    device = episodes.log_probs.device
    rows = joined_rows([part.rows for part in parts])

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(rows[name]).to(device)

    critique = episodes.critique
    if critique is not None:
        critique = Critique(
            tensor("baseline"), tensor("values"), tensor("advantages"), critique.kl_coefficient
        )
    whole = Episodes(
        _prompts([part.prompts[:2] for part in parts], pad, device),
        Responses(tensor("tokens"), tensor("lengths")),
        tensor("log_probs"),
        tensor("reference_log_probs"),
        critique,
        rows["failed"].astype(np.bool_),
        None
        if episodes.plain_prompts is None
        else _prompts([part.prompts[2:] for part in parts], pad, device),
    )
    told = replace(
        summary,
        reward=rows["reward"],
        components=[joined(of) for of in zip(*(p.components for p in parts), strict=True)],
        trained=[
            np.concatenate([one.array() for one in of])
            for of in zip(*(p.trained for p in parts), strict=True)
        ],
        kl=rows["kl"],
        returns=rows["returns"],
        lambda_returns=rows.get("lambda_returns"),
        lengths=rows["lengths"].astype(np.uint32),
        texts=[text.text() for part in parts for text in part.texts],
    )
    return whole, told


def _packed(episodes: Episodes, summary: RolloutSummary) -> _Part:
    tensors = {
        "tokens": episodes.responses.tokens,
        "lengths": episodes.responses.lengths,
        "log_probs": episodes.log_probs,
        "reference_log_probs": episodes.reference_log_probs,
    }
    if (critique := episodes.critique) is not None:
        tensors |= {
            "baseline": critique.baseline,
            "values": critique.values,
            "advantages": critique.advantages,
        }
    arrays: dict[str, NDArray[np.generic]] = {
        name: tensor.cpu().numpy() for name, tensor in tensors.items()
    }
    arrays |= {
        "failed": episodes.failed,
        "reward": summary.reward,
        "kl": summary.kl,
        "returns": summary.returns,
    }
    if summary.lambda_returns is not None:
        arrays["lambda_returns"] = summary.lambda_returns
    prompts = [episodes.prompts]
    if episodes.plain_prompts is not None:
        prompts.append(episodes.plain_prompts)
    return _Part(
        [Packed.of(part.cpu().numpy()) for one in prompts for part in (one.tokens, one.lengths)],
        {name: Packed.of(array) for name, array in arrays.items()},
        [PackedScores.of(scores) for scores in summary.components],
        [Packed.of(own) for own in summary.trained],
        [PackedText.of(text) for text in summary.texts],
    )


def _prompts(parts: Sequence[Sequence[Packed]], pad: int, device: torch.device) -> PaddedPrompts:
    """As wide as the widest part: what each fills up on the left."""
    tokens = [part[0].array() for part in parts]
    width = max(one.shape[1] for one in tokens)
    padded = [
        np.pad(one, ((0, 0), (width - one.shape[1], 0)), constant_values=pad) for one in tokens
    ]
    return PaddedPrompts(
        torch.from_numpy(np.concatenate(padded)).to(device),
        torch.from_numpy(np.concatenate([part[1].array() for part in parts])).to(device),
    )
