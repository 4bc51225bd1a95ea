"""Scores a policy on given prompts, with common random numbers for all policies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from averse_worker.data.text import Text, completion_of
from averse_worker.data.tokenise import Prompts
from averse_worker.engine.contract import Report
from averse_worker.evaluation.best_of import best_of
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.policy import Policy
from averse_worker.platform.finite import check_finite
from averse_worker.rewards.combine import Rewards, failed_episodes
from averse_worker.rewards.contract import Scores
from averse_worker.rewards.scoring import Scorer
from averse_worker.rollout.agreement import check_agreement
from averse_worker.rollout.collect import full_texts, scored_texts
from averse_worker.rollout.generate import Sampler, sample, uniforms_of_prompts
from averse_worker.rollout.reference import own_log_probs, reference_log_probs
from averse_worker.wire.messages.evaluation import Sample

# Episodes sampled at once where rollout.minibatch sets no limit: evaluations may be large.
_BATCH: Final = 128


@dataclass(frozen=True)
class Evaluation:
    """Arrays are [N], in the order of the requested prompts."""

    rows: NDArray[np.intp]
    """of each episode, the position of its prompt"""
    reward: NDArray[np.float32]
    """raw, combined; undefined where a component failed"""
    components: Sequence[Scores]
    failed: NDArray[np.bool_]
    judges: Mapping[str, Scores]
    kl: NDArray[np.float32]
    lengths: NDArray[np.uint32]
    completions: Sequence[Sequence[int]]
    """generated tokens, without the end token"""
    texts: Sequence[Text]
    """prompt and completion in one"""

    def sample(self, prompts: Prompts, episode: int) -> Sample:
        """An episode for people to read, of the evaluation of `prompts`."""
        row = self.rows[episode]
        prompt = prompts.texts[row].written
        return Sample(
            episode=episode,
            prompt=int(prompts.ids[row]),
            text=prompt,
            completion=completion_of(prompt, self.texts[episode]),
            reward=None if self.failed[episode] else float(self.reward[episode]),
        )


def evaluate(
    policy: Policy,
    prompts: Prompts,
    rows: NDArray[np.intp],
    seed: int,
    sampler: Sampler,
    rewards: Rewards,
    judges: Mapping[str, Scorer],
    report: Report,
    *,
    candidates: int = 1,
    condition: int | None = None,
    untrained: bool = False,
    part: slice = slice(None),
) -> Evaluation:
    """Samples a completion for each of `rows` (positions in `prompts`) and scores them.

    A completion depends on the weights, the seed, its own prompt and how often that came before,
    not on the other prompts.

    Args:
        candidates: completions drawn for each of `rows`; the one with the highest reward is
            evaluated. The first of them is what `candidates` 1 would draw.
        condition: under which they are drawn; None: after the prompts alone.
        untrained: whether the weights are the reference's own, so that the sampler must agree with
            it.
        part: which of `rows` are sampled here, as they would be among all of them.

    Raises:
        InputError: it does not.
        Diverged: log-probabilities are not finite.
    """
    asked = [int(prompts.ids[row]) for row in rows.repeat(candidates)]
    draws = uniforms_of_prompts(seed, asked, sampler.new_tokens)
    draws = draws.reshape(rows.size, candidates, -1)[part].flatten(0, 1)
    rows, after = rows[part].repeat(candidates), prompts.under(condition)
    pad, device = policy.pad_token, policy.device.torch_device
    limited = replace(sampler, minibatch=sampler.minibatch or _BATCH)
    drawn = sample(
        policy,
        PaddedPrompts.of([after[row] for row in rows], pad, device),
        draws,
        limited,
        _ticker(report, "evaluate", "tokens"),
    )

    def rewarded() -> tuple[list[Text], list[Scores]]:
        texts = full_texts(policy, prompts, rows, drawn.responses)
        report("reward", 0, len(texts) * len(rewards.components), "texts")
        items = scored_texts(prompts, rows, texts)
        return texts, rewards.score(items, _ticker(report, "reward", "texts"))

    found = None
    if candidates > 1:
        texts, components = rewarded()
        chosen = best_of(_combined(rewards, components), failed_episodes(components), candidates)
        rows, drawn = rows[chosen], drawn.select(torch.from_numpy(chosen).to(device))
        found = [texts[i] for i in chosen], [part.select(chosen) for part in components]
    padded = PaddedPrompts.of([prompts.tokens[row] for row in rows], pad, device)
    reference = reference_log_probs(policy, padded, drawn.responses, limited, report)
    # Other distributions than the policy's own are known from the sampler alone.
    own = (
        drawn.log_probs
        if policy.steered is not None or condition is not None
        else own_log_probs(policy, padded, drawn, limited, report)
    )
    log_ratios = own - reference
    check_finite(log_ratios, "log-probabilities")
    if untrained:
        check_agreement(policy, drawn.log_probs - reference, drawn.responses.lengths)
    texts, components = found or rewarded()
    items = scored_texts(prompts, rows, texts)
    return Evaluation(
        rows=rows,
        reward=_combined(rewards, components),
        components=components,
        failed=failed_episodes(components),
        judges={
            name: judge.score(items, _ticker(report, "judge", "texts"))
            for name, judge in judges.items()
        },
        kl=log_ratios.sum(1).cpu().numpy(),
        lengths=drawn.responses.lengths.cpu().numpy().astype(np.uint32),
        completions=completion_tokens(drawn.responses, policy.end_tokens),
        texts=texts,
    )


def _combined(rewards: Rewards, components: Sequence[Scores]) -> NDArray[np.float32]:
    return rewards.combined(np.stack([part.values for part in components]))


def _ticker(report: Report, phase: str, unit: str) -> Callable[[int, int], None]:
    return lambda done, total: report(phase, done, total, unit)


def completion_tokens(responses: Responses, end_tokens: Sequence[int]) -> list[list[int]]:
    """Generated tokens of each episode, without the end token."""
    rows = responses.tokens.tolist()
    cut = [row[:n] for row, n in zip(rows, responses.lengths.tolist(), strict=True)]
    return [row[:-1] if row[-1] in end_tokens else row for row in cut]
