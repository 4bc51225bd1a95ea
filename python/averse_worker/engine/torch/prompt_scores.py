"""`score_prompts` of the torch engine: the reward components' scores of prompts alone."""

import time

import numpy as np
from numpy.typing import NDArray

from averse_worker.data.builtin import Split
from averse_worker.engine.contract import Report
from averse_worker.engine.torch.loaded import Loaded
from averse_worker.rewards.gathering import gather_scores
from averse_worker.rewards.scored_text import ScoredText
from averse_worker.wire.errors import InputError, MissingEnvironment
from averse_worker.wire.limits import read_known_scores, read_prompts, reward_key
from averse_worker.wire.messages.base import float32_bytes
from averse_worker.wire.messages.load import (
    HttpScorer,
    PromptScores,
    PythonScorer,
    ScorePromptsPayload,
    ScorePromptsResult,
)


def score_prompts(
    loaded: Loaded, payload: ScorePromptsPayload, report: Report
) -> ScorePromptsResult:
    """Scores prompts or uses known scores; they stay for the rollouts of this load.

    Raises:
        InputError: a prompt is not of the split, a component fails on one, or what is known does
            not fit.
    """
    started = time.perf_counter()
    part = loaded.prompts[payload.split]
    rows = read_prompts(payload.prompts, part.prompts.ids, payload.split)
    names = [reward.name for reward in loaded.payload.rewards]
    known = read_known_scores(payload, names, rows.size)
    total = rows.size * len(names)
    report("score", 0, total, "texts")
    if known is not None:
        scores = known.astype(np.float32)
    else:
        scores = _score(loaded, payload.split, rows, report)
    report("score", total, total, "texts")
    part.scores[:, rows] = scores
    return ScorePromptsResult(
        combined=float32_bytes(loaded.rewards.combined(scores)),
        components=[
            PromptScores(name=name, scores=float32_bytes(row))
            for name, row in zip(names, scores, strict=True)
        ],
        seconds=time.perf_counter() - started,
    )


def _score(
    loaded: Loaded, split: Split, rows: NDArray[np.intp], report: Report
) -> NDArray[np.float32]:
    """[C, rows]: every prompt needs a score of every component."""
    prompts = loaded.prompts[split].prompts
    texts = [
        ScoredText(
            prompts.texts[row],
            prompts.columns_of(row),
            prompts.messages_of(row),
            alone=True,
            tools=prompts.tools_of(row),
        )
        for row in rows
    ]
    own = texts[loaded.ranks.part(len(texts))]
    scored = loaded.rewards.score(own, lambda done, total: report("score", done, total, "texts"))
    found = gather_scores(scored, loaded.ranks)
    for place, scores in enumerate(found):
        if scores.failures:
            reward = loaded.payload.rewards[place]
            first = min(scores.failures)
            failure = (
                f"the reward component '{reward.name}' fails on {len(scores.failures)} of "
                f"{len(texts)} {split} prompts, first on prompt {prompts.ids[rows[first]]}: "
                f"{scores.failures[first].message}; every prompt needs a score: "
            )
            if isinstance(reward.scorer, HttpScorer):
                raise MissingEnvironment(
                    f"{failure}continue once the server gives them",
                    key=reward_key(loaded.payload, place, "url"),
                )
            field = "function" if isinstance(reward.scorer, PythonScorer) else "model"
            raise InputError(
                f"{failure}remove those from data.path, or use another {field}",
                key=reward_key(loaded.payload, place, field),
            )
    return np.stack([scores.values for scores in found])
