"""An evaluation of several processes put together from their parts, in each of them."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from averse_worker.evaluation.evaluate import Evaluation
from averse_worker.platform.arrays import Packed, gather_messages, joined_rows
from averse_worker.platform.ranks import Ranks
from averse_worker.rewards.gathering import PackedScores, joined
from averse_worker.rollout.gathering import PackedText


class _Part(msgspec.Struct, frozen=True):
    """The episodes of one process."""

    arrays: dict[str, Packed]
    """rows are the episodes, by name"""
    components: list[PackedScores]
    judges: dict[str, PackedScores]
    completions: list[list[int]]
    texts: list[PackedText]


def gather_evaluation(own: Evaluation, ranks: Ranks) -> Evaluation:
    """All processes' episodes, in the order of their parts, from those of this one."""
    if ranks.count == 1:
        return own
    parts = gather_messages(_packed(own), _Part, ranks)
    arrays = joined_rows([part.arrays for part in parts])
    return Evaluation(
        rows=arrays["rows"].astype(np.intp, copy=False),
        reward=arrays["reward"].astype(np.float32, copy=False),
        components=[joined(of) for of in zip(*(p.components for p in parts), strict=True)],
        failed=arrays["failed"].astype(np.bool_, copy=False),
        judges={name: joined([part.judges[name] for part in parts]) for name in own.judges},
        kl=arrays["kl"].astype(np.float32, copy=False),
        lengths=arrays["lengths"].astype(np.uint32, copy=False),
        completions=[tokens for part in parts for tokens in part.completions],
        texts=[text.text() for part in parts for text in part.texts],
    )


def _packed(own: Evaluation) -> _Part:
    arrays: dict[str, NDArray[np.generic]] = {
        "rows": own.rows,
        "reward": own.reward,
        "failed": own.failed,
        "kl": own.kl,
        "lengths": own.lengths,
    }
    return _Part(
        {name: Packed.of(array) for name, array in arrays.items()},
        [PackedScores.of(scores) for scores in own.components],
        {name: PackedScores.of(scores) for name, scores in own.judges.items()},
        [list(tokens) for tokens in own.completions],
        [PackedText.of(text) for text in own.texts],
    )
