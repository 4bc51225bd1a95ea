"""One batch of episodes: sampled, measured against the reference, rewarded.

    sample ─▶ reference log-probabilities ─▶ reward model ─▶ dense rewards, returns, advantages

Everything that the update needs stays here as tensors; the controller gets one number per episode.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from averse_worker.data.text import Text, read_tokens
from averse_worker.data.tokenise import Prompts
from averse_worker.engine.contract import Report
from averse_worker.models.batches import PaddedPrompts, Responses, Rows, known
from averse_worker.models.policy import Policy
from averse_worker.platform.finite import check_finite, require_finite
from averse_worker.platform.ranks import ALONE, Ranks
from averse_worker.rewards.combine import Moments, Rewarded, Rewards
from averse_worker.rewards.contract import Failed, Scores
from averse_worker.rewards.gathering import gather_prompt_scores, gather_scores
from averse_worker.rewards.scored_text import ScoredText
from averse_worker.rollout import returns
from averse_worker.rollout.agreement import check_agreement
from averse_worker.rollout.generate import Sampler, Source, sample
from averse_worker.rollout.reference import own_log_probs, reference_log_probs
from averse_worker.wire.messages.load import LoadTraining
from averse_worker.wire.messages.training import RolloutSeconds


@dataclass(frozen=True)
class Critique:
    """The critic's values and advantages of a batch; arrays are [B, T], zero at padding."""

    baseline: Tensor
    """what is added to the value head's output: the prefixes' rewards, or zero"""
    values: Tensor
    """V(s_t), baseline included"""
    advantages: Tensor
    """GAE, not yet whitened; NaN where the reward failed"""
    kl_coefficient: float
    """β of the dense rewards that they follow from"""

    def select(self, rows: Tensor, width: int) -> "Critique":
        """Some rows, and the first `width` tokens."""
        return Critique(
            self.baseline[rows, :width],
            self.values[rows, :width],
            self.advantages[rows, :width],
            self.kl_coefficient,
        )


@dataclass(frozen=True)
class Episodes:
    """A finished batch; arrays are [B] or [B, T], zero at padding, on the policy's device."""

    prompts: PaddedPrompts
    """after which the responses were drawn, or are learned"""
    responses: Responses
    log_probs: Tensor
    """of the policy that sampled, as the update computes them"""
    reference_log_probs: Tensor
    critique: Critique | None
    """None: there is no critic"""
    failed: NDArray[np.bool_]
    """which have no reward, and so neither return nor advantage"""
    plain_prompts: PaddedPrompts | None = None
    """without a condition, as the reference reads them; None: there is none in `prompts`"""
    log_importance: Tensor | None = None
    """log of the policy's probability over that of what drew the token; None: the policy drew"""

    def select(self, rows: Rows) -> "Episodes":
        """Some rows, with the padding that none of them needs cut off."""
        responses = self.responses.select(rows)
        width = responses.tokens.shape[1]
        host, there = known(rows, self.log_probs.device)
        return Episodes(
            self.prompts.select(rows),
            responses,
            self.log_probs[there, :width],
            self.reference_log_probs[there, :width],
            self.critique.select(there, width) if self.critique else None,
            self.failed[host],
            None if self.plain_prompts is None else self.plain_prompts.select(rows),
            None if self.log_importance is None else self.log_importance[there, :width],
        )

    def under(self, prompts: PaddedPrompts) -> "Episodes":
        """The same responses after other prompts: these with a condition before them."""
        return replace(self, prompts=prompts, plain_prompts=self.plain_prompts or self.prompts)


@dataclass(frozen=True)
class RolloutSummary:
    """The summary of a batch that the controller gets; arrays are [B].

    Rewards and returns are undefined for episodes that failed; everything else is finite.
    """

    reward: NDArray[np.float32]
    """raw, combined"""
    components: Sequence[Scores]
    """raw, with the failures of each component"""
    trained: Sequence[NDArray[np.float64]]
    """by component, what it adds to the trained reward"""
    kl: NDArray[np.float32]
    returns: NDArray[np.float32]
    lambda_returns: NDArray[np.float32] | None
    """None: there is no critic"""
    lengths: NDArray[np.uint32]
    texts: Sequence[Text]
    """prompt and completion in one"""
    moments: Moments
    """of the normalised components, with this batch taken in"""
    entropy: float | None
    """None: not known"""
    seconds: RolloutSeconds


@dataclass(frozen=True)
class Collector:
    """Samples and rewards episodes under fixed settings."""

    policy: Policy
    sampler: Sampler
    rewards: Rewards
    training: LoadTraining
    ranks: Ranks = ALONE
    """those that collect parts of the same rollout"""
    source: Source = sample
    """of the responses"""

    def collect(
        self,
        prompts: Prompts,
        scores: NDArray[np.float32],
        rows: NDArray[np.intp],
        draws: Tensor,
        kl_coefficient: float | None,
        report: Report,
        *,
        condition: int | None = None,
        untrained: bool = False,
        moments: Moments = MappingProxyType({}),
    ) -> tuple[Episodes, RolloutSummary]:
        """One episode for each of `rows` (positions in `prompts`, repetitions allowed): this
        process's part of the rollout. Moments and entropy are those of the whole.

        Args:
            scores: [C, prompts], the components' raw scores of all `prompts` alone; NaN where they
                are not known and not needed.
            draws: [B, new_tokens] uniform numbers.
            kl_coefficient: β; None: the KL is not in the return.
            condition: under which they are drawn; None: after the prompts alone.
            untrained: whether the weights are the reference's own, so that the sampler must agree
                with it.
            moments: of the normalised components before this batch.

        Raises:
            InputError: it does not.
            Diverged: weights, log-probabilities, values or returns are not finite. A reward that
                is not is a failure of the reward model, and of that episode alone.
        """
        require_finite(self.policy.parameters)
        clock = _Clock(self.policy)
        pad, device = self.policy.pad_token, self.policy.device.torch_device
        plain = PaddedPrompts.of([prompts.tokens[row] for row in rows], pad, device)
        padded = plain
        if condition is not None:
            after = prompts.under(condition)
            padded = PaddedPrompts.of([after[row] for row in rows], pad, device)
        samples = self.source(
            self.policy, padded, draws, self.sampler, _ticker(report, "sample", "tokens")
        )
        sampled = clock.lap()
        reference = reference_log_probs(self.policy, plain, samples.responses, self.sampler, report)
        own = own_log_probs(self.policy, padded, samples, self.sampler, report)
        log_ratios = own - reference
        check_finite(log_ratios, "log-probabilities")
        drawn = samples.drawn_log_probs
        if samples.values is not None:
            check_finite(samples.values, "values")
        if untrained and condition is None:
            sampled_otherwise = samples.log_probs - reference
            check_agreement(self.policy, sampled_otherwise, samples.responses.lengths)
        referred = clock.lap()
        texts = full_texts(self.policy, prompts, rows, samples.responses)
        total = len(texts) * len(self.rewards.components)
        report("reward", 0, total, "texts")
        scored = self.rewards.score(
            scored_texts(prompts, rows, texts), _ticker(report, "reward", "texts")
        )
        report("reward", total, total, "texts")
        alone = scores[:, rows]
        moments = self.rewards.observed(
            gather_scores(scored, self.ranks), gather_prompt_scores(alone, self.ranks), moments
        )
        baseline = None
        if self.training.prefix_baseline:
            tick = _ticker(report, "prefixes", "texts")
            baseline, missing = self._prefix_rewards(
                prompts, alone, rows, samples.responses, moments, tick
            )
            # An episode also failed where only the text before a token has no score.
            scored = [
                Scores(part.values, {**before, **part.failures})
                for part, before in zip(scored, missing, strict=True)
            ]
        found = self.rewards.rewarded(scored, alone, moments)
        lengths = samples.responses.lengths
        dense, discounted = checked_returns(
            found, log_ratios, lengths, kl_coefficient or 0.0, self.training.gamma
        )
        critique = None
        if samples.values is not None:
            critique = self._criticise(
                samples.responses, dense, samples.values, baseline, kl_coefficient or 0.0
            )
        first = None
        if critique is not None:
            first = critique.advantages[:, 0] + critique.values[:, 0]
            check_finite(first, "λ-returns", set(np.flatnonzero(found.failed).tolist()))
        summary = RolloutSummary(
            reward=found.combined,
            components=found.parts,
            trained=found.contributions,
            kl=log_ratios.sum(1).cpu().numpy(),
            returns=discounted.cpu().numpy(),
            lambda_returns=None if first is None else first.cpu().numpy(),
            lengths=samples.responses.counts.astype(np.uint32),
            texts=texts,
            moments=moments,
            entropy=float(
                self.ranks.total(samples.entropies.sum()) / self.ranks.total(lengths.sum())
            ),
            seconds=RolloutSeconds(sample=sampled, reference=referred, reward=clock.lap()),
        )
        episodes = Episodes(
            plain,
            samples.responses,
            own,
            reference,
            critique,
            found.failed,
            log_importance=None if drawn is None else own - drawn,
        )
        if condition is not None:
            episodes = episodes.under(padded)
        return episodes, summary

    def rewarded(self, episodes: Episodes, rewards: NDArray[np.float64]) -> Episodes:
        """The episodes with other rewards in place of the trained ones: the critic's values stay,
        its advantages are those that a rollout with these rewards would have had.

        Args:
            rewards: [B], finite; an episode that failed has none, whatever stands there.
        """
        critique = episodes.critique
        assert critique is not None, "rewards are behind the critic's advantages"
        own = rewards.astype(np.float32)
        own[episodes.failed] = np.nan
        lengths = episodes.responses.lengths
        dense = returns.dense_rewards(
            torch.from_numpy(own).to(episodes.log_probs.device),
            episodes.log_probs - episodes.reference_log_probs,
            lengths,
            critique.kl_coefficient,
        )
        advantages = returns.advantages(
            dense,
            critique.values,
            episodes.responses.valid(),
            self.training.gamma,
            self.training.lambda_,
        )
        return replace(episodes, critique=replace(critique, advantages=advantages))

    def _criticise(
        self,
        responses: Responses,
        dense: Tensor,
        own: Tensor,
        baseline: Tensor | None,
        kl_coefficient: float,
    ) -> Critique:
        """Values and advantages, from the value head's `own` output."""
        valid = responses.valid()
        offset = torch.zeros_like(own) if baseline is None else baseline * valid
        values = own + offset
        advantages = returns.advantages(
            dense, values, valid, self.training.gamma, self.training.lambda_
        )
        return Critique(offset, values, advantages, kl_coefficient)

    def _prefix_rewards(
        self,
        prompts: Prompts,
        scores: NDArray[np.float32],
        rows: NDArray[np.intp],
        responses: Responses,
        moments: Moments,
        tick: Callable[[int, int], None],
    ) -> tuple[Tensor, list[dict[int, Failed]]]:
        """[B, T]: the trained reward of the text before each token; and by component, the episodes
        where one of those failed. `scores` [C, B] are the prompts'."""
        lengths = responses.lengths.tolist()
        drawn = responses.tokens.tolist()
        steps = [(i, step) for i in range(len(rows)) for step in range(1, lengths[i])]
        own_rows = [int(rows[i]) for i, _ in steps]
        begun = [drawn[i][:step] for i, step in steps]
        texts = _whole_texts(self.policy, prompts, own_rows, begun)
        raw = np.zeros((len(scores), *responses.tokens.shape), dtype=np.float32)
        own = np.broadcast_to(scores[:, :, None], raw.shape)
        # Before the first token stands the prompt, whose score is known.
        raw[:, :, 0] = scores
        valid = responses.generated()
        valid[:, 0] = False
        episodes, tokens = np.nonzero(valid)
        missing = []
        prefixed = scored_texts(prompts, rows[[i for i, _ in steps]], texts)
        for place, scored in enumerate(self.rewards.score(prefixed, tick)):
            raw[place][valid] = scored.values
            missing.append(
                {
                    int(episodes[at]): Failed(
                        reason.kind, f"the text before its token {tokens[at]}: {reason.message}"
                    )
                    for at, reason in scored.failures.items()
                }
            )
        baseline = torch.from_numpy(self.rewards.trained(raw, own, moments)).to(
            responses.tokens.device
        )
        return baseline, missing


def checked_returns(
    found: Rewarded, log_ratios: Tensor, lengths: Tensor, kl_coefficient: float, gamma: float
) -> tuple[Tensor, Tensor]:
    """Dense rewards [B, T] and returns R̄ [B] of what was rewarded; NaN where that failed.

    Args:
        log_ratios: [B, T], log π − log π_ref, zero at padding.
        lengths: [B], each ≥ 1.

    Raises:
        Diverged: the return of an episode that has a reward is not finite.
    """
    scores = torch.from_numpy(found.trained).to(log_ratios.device)
    dense = returns.dense_rewards(scores, log_ratios, lengths, kl_coefficient)
    discounted = returns.discounted_returns(dense, gamma)
    check_finite(discounted, "returns", set(np.flatnonzero(found.failed).tolist()))
    return dense, discounted


def full_texts(
    policy: Policy, prompts: Prompts, rows: NDArray[np.intp], responses: Responses
) -> list[Text]:
    """Prompt and response as one text each."""
    lengths = responses.lengths.tolist()
    drawn = [row[:n] for row, n in zip(responses.tokens.tolist(), lengths, strict=True)]
    return _whole_texts(policy, prompts, rows.tolist(), drawn)


def _whole_texts(
    policy: Policy, prompts: Prompts, rows: Sequence[int], drawn: Sequence[Sequence[int]]
) -> list[Text]:
    """Of a conversation, what is said without the template's markers."""
    own = [prompts.tokens[row] for row in rows]
    texts = read_tokens(policy.tokenizer, policy.end_tokens, own, drawn)
    chats = [place for place, row in enumerate(rows) if prompts.is_conversation(row)]
    if chats:
        replies = policy.tokenizer.batch_decode(
            [list(drawn[place]) for place in chats], skip_special_tokens=True
        )
        for place, reply in zip(chats, replies, strict=True):
            texts[place] = Text.conversation(str(prompts.texts[rows[place]]), reply)
    return texts


def scored_texts(
    prompts: Prompts, rows: NDArray[np.intp], texts: Sequence[Text]
) -> list[ScoredText]:
    """Texts that begin with the prompts in `rows`, with the columns of their data."""
    return [
        ScoredText(
            text, prompts.columns_of(row), prompts.messages_of(row), tools=prompts.tools_of(row)
        )
        for row, text in zip(rows, texts, strict=True)
    ]


def _ticker(report: Report, phase: str, unit: str) -> Callable[[int, int], None]:
    return lambda done, total: report(phase, done, total, unit)


class _Clock:
    """Seconds between laps, with the device's queue emptied at each."""

    def __init__(self, policy: Policy) -> None:
        self._device = policy.device
        self._last = time.perf_counter()

    def lap(self) -> float:
        self._device.synchronise()
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        return seconds
