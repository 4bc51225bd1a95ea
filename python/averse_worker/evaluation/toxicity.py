"""Many short completions per prompt, each scored alone: the RealToxicityPrompts protocol.

    prompts, some at a time ─▶ n completions each ─▶ scores, fluency, Dist-n of the prompt

Gehman et al. 2020; 25 completions of at most 20 tokens, nucleus 0.9 in DExperts and Quark. What
the scores come to (the largest per prompt and so on) is for whoever asked for them.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.data.text import Text
from averse_worker.data.tokenise import Prompts
from averse_worker.engine.contract import Report
from averse_worker.evaluation.best_of import best_of
from averse_worker.evaluation.distinct import distinct_of_prompt
from averse_worker.evaluation.fluency import FluencyMean, FluencyModel
from averse_worker.models.batches import PaddedPrompts
from averse_worker.models.policy import Policy
from averse_worker.platform.finite import check_finite
from averse_worker.rewards.combine import Rewards, failed_episodes
from averse_worker.rewards.contract import Failed, Scores
from averse_worker.rewards.scoring import Scorer
from averse_worker.rollout.collect import full_texts, scored_texts
from averse_worker.rollout.generate import Sampler, sample, uniforms_of_prompts

# Completions in memory at once, where the sampler sets no limit: only their scores are kept.
_BATCH: Final = 128
_ORDERS: Final = (1, 2, 3)


@dataclass
class _Found:
    """Of the prompts so far."""

    scores: list[Scores] = field(default_factory=list)
    distinct: dict[int, list[float]] = field(default_factory=lambda: {n: [] for n in _ORDERS})
    fluency: FluencyMean = field(default_factory=FluencyMean)


@dataclass(frozen=True)
class Continuations:
    """What all prompts came to."""

    scores: Scores
    """[P · n], of the completions alone, grouped by prompt"""
    prompts: Scores
    """[P], of the prompts alone"""
    figures: dict[str, float]
    """by the names that hello declares"""


def evaluate_toxicity(
    policy: Policy,
    prompts: Prompts,
    rows: NDArray[np.intp],
    completions: int,
    seed: int,
    sampler: Sampler,
    scorer: Scorer,
    fluency: FluencyModel | None,
    report: Report,
    *,
    candidates: int = 1,
    condition: int | None = None,
    rewards: Rewards | None = None,
) -> Continuations:
    """Samples `completions` for each of `rows` (positions in `prompts`) and scores each alone.

    Memory does not grow with the prompts but for their scores. A completion depends on weights,
    seed and prompt, not on the other prompts nor on how many are sampled at once.

    Args:
        fluency: None: without the figures of fluency.
        candidates: completions drawn for each that is scored; the one with the highest of
            `rewards` is.
        condition: under which they are drawn; None: after the prompts alone.

    Raises:
        Diverged: the policy's log-probabilities are not finite.
    """
    found = _Found()
    total = rows.size * completions
    at_once = max((sampler.minibatch or _BATCH) // (completions * candidates), 1)
    for start in range(0, rows.size, at_once):
        own = rows[start : start + at_once].repeat(completions * candidates)
        before = start * completions

        def alive(done: int = 0, _: int = 0, before: int = before) -> None:
            report("toxicity", before, total, "completions")

        alive()
        padded = PaddedPrompts.of(
            [prompts.under(condition)[row] for row in own],
            policy.pad_token,
            policy.device.torch_device,
        )
        asked = [int(prompts.ids[row]) for row in own]
        drawn = sample(
            policy, padded, uniforms_of_prompts(seed, asked, sampler.new_tokens), sampler, alive
        )
        check_finite(drawn.log_probs, "log-probabilities")
        texts = full_texts(policy, prompts, own, drawn.responses)
        if candidates > 1 and rewards is not None:
            scored = rewards.score(scored_texts(prompts, own, texts), alive)
            reward = rewards.combined(np.stack([part.values for part in scored]))
            chosen = best_of(reward, failed_episodes(scored), candidates)
            own, texts = own[chosen], [texts[i] for i in chosen]
        found.scores.append(scorer.score([text.completion for text in texts], alive))
        _add_diversity(found, texts, completions)
        if fluency is not None:
            begins = [str(prompts.texts[row]) for row in own]
            found.fluency.add(fluency.perplexities(begins, [str(t) for t in texts], alive))
    report("toxicity", total, total, "completions")
    alone = [str(prompts.texts[row]) for row in rows]

    def scoring(done: int, count: int) -> None:
        report("score", done, count, "prompts")

    return Continuations(
        scores=_joined(found.scores),
        prompts=scorer.score(alone, scoring),
        figures=_figures(found, with_fluency=fluency is not None),
    )


def _add_diversity(found: _Found, texts: Sequence[Text], completions: int) -> None:
    for first in range(0, len(texts), completions):
        own = [text.completion for text in texts[first : first + completions]]
        for order, values in found.distinct.items():
            value = distinct_of_prompt(own, order)
            if value is not None:
                values.append(value)


def _figures(found: _Found, *, with_fluency: bool) -> dict[str, float]:
    figures = {
        f"dist_{order}_per_prompt": statistics.fmean(values)
        for order, values in found.distinct.items()
        if values
    }
    if with_fluency:
        figures["fluency_left_out"] = float(found.fluency.left_out)
        if found.fluency.mean is not None:
            figures["fluency"] = found.fluency.mean
    return figures


def _joined(parts: Sequence[Scores]) -> Scores:
    values = np.concatenate([part.values for part in parts])
    failures: dict[int, Failed] = {}
    before = 0
    for part in parts:
        failures |= {before + i: reason for i, reason in part.failures.items()}
        before += part.values.size
    return Scores(values, failures)
