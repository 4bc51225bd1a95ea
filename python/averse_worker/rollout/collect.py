"""One batch of episodes: sampled, measured against the reference, rewarded.

    sample ─▶ reference log-probabilities ─▶ reward model ─▶ dense rewards, returns, advantages

Everything that the update needs stays here as tensors; the controller gets one number an episode.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from averse_worker.data.text import Text, read_tokens
from averse_worker.data.tokenise import Prompts
from averse_worker.engine.contract import Report
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.policy import Policy
from averse_worker.platform.finite import check_finite, require_finite
from averse_worker.rewards.contract import Failed
from averse_worker.rewards.scoring import Scorer
from averse_worker.rewards.transform import RewardTransform
from averse_worker.rollout import returns
from averse_worker.rollout.generate import Sampler, Samples, sample
from averse_worker.rollout.reference import reference_log_probs
from averse_worker.wire.messages.load import LoadTraining
from averse_worker.wire.messages.training import RolloutSeconds


@dataclass(frozen=True)
class Episodes:
    """A finished batch; arrays are [B] or [B, T], zero at padding, on the policy's device.

    Where the reward failed, `advantages` are NaN: such an episode cannot enter an update.
    """

    prompts: PaddedPrompts
    responses: Responses
    log_probs: Tensor
    """of the policy that sampled"""
    baseline: Tensor
    """what is added to the value head's answer: the prefixes' rewards, or zero"""
    values: Tensor
    """V(s_t), baseline in"""
    advantages: Tensor
    """GAE, not yet whitened"""

    @property
    def failed(self) -> NDArray[np.bool_]:
        """[B]: which have no reward."""
        return torch.isnan(self.advantages[:, 0]).cpu().numpy()


@dataclass(frozen=True)
class RolloutSummary:
    """What the controller is told of a batch; arrays are [B].

    Rewards and returns mean nothing at the episodes in `failures`; everything else is finite.
    """

    reward: NDArray[np.float32]
    """raw"""
    kl: NDArray[np.float32]
    returns: NDArray[np.float32]
    lambda_returns: NDArray[np.float32]
    lengths: NDArray[np.uint32]
    failures: Mapping[int, Failed]
    """episodes without a reward"""
    texts: Sequence[Text]
    """prompt and completion in one"""
    entropy: float
    seconds: RolloutSeconds


@dataclass(frozen=True)
class Collector:
    """Samples and rewards episodes under fixed settings."""

    policy: Policy
    sampler: Sampler
    reward: Scorer
    transform: RewardTransform
    training: LoadTraining

    def collect(
        self,
        prompts: Prompts,
        scores: NDArray[np.float32],
        rows: NDArray[np.intp],
        draws: Tensor,
        kl_coefficient: float,
        report: Report,
    ) -> tuple[Episodes, RolloutSummary]:
        """One episode for each of `rows` (positions in `prompts`, repetitions allowed).

        Args:
            scores: raw scores of all `prompts`.
            draws: [B, new_tokens] uniform numbers.
            kl_coefficient: β.

        Raises:
            Diverged: weights, log-probabilities, values or returns are not finite. A reward that
                is not is a failure of the reward model, and of that episode alone.
        """
        require_finite(self.policy.parameters)
        clock = _Clock(self.policy)
        padded = PaddedPrompts.of(
            [prompts.tokens[row] for row in rows],
            self.policy.pad_token,
            self.policy.device.torch_device,
        )
        samples = sample(
            self.policy, padded, draws, self.sampler, _ticker(report, "sample", "tokens")
        )
        sampled = clock.lap()
        reference = reference_log_probs(
            self.policy, padded, samples.responses, self.sampler, report
        )
        log_ratios = samples.log_probs - reference
        check_finite(log_ratios, "log-probabilities")
        check_finite(samples.values, "values")
        referred = clock.lap()
        texts = full_texts(self.policy, prompts, rows, samples.responses)
        report("reward", 0, len(texts), "texts")
        scored = self.reward.score(texts, _ticker(report, "reward", "texts"))
        report("reward", len(texts), len(texts), "texts")
        failures = dict(scored.failures)
        device = self.policy.device.torch_device
        baseline = torch.zeros_like(samples.log_probs)
        if self.training.prefix_baseline:
            tick = _ticker(report, "prefixes", "texts")
            baseline, missing = self._prefix_rewards(prompts, scores, rows, samples.responses, tick)
            failures = missing | failures
        shaped = self.transform(scored.values, scores[rows])
        # Failed is failed, also where only the text before a token had no score.
        shaped[list(failures)] = np.nan
        episodes, returns_, lambda_returns = self._credit(
            padded,
            samples,
            torch.from_numpy(shaped).to(device),
            log_ratios,
            baseline,
            kl_coefficient,
        )
        for name, figures in (("returns", returns_), ("λ-returns", lambda_returns)):
            check_finite(figures, name, failures)
        lengths = samples.responses.lengths
        summary = RolloutSummary(
            reward=scored.values,
            kl=log_ratios.sum(1).cpu().numpy(),
            returns=returns_.cpu().numpy(),
            lambda_returns=lambda_returns.cpu().numpy(),
            lengths=lengths.cpu().numpy().astype(np.uint32),
            failures=failures,
            texts=texts,
            entropy=float(samples.entropies.sum() / lengths.sum()),
            seconds=RolloutSeconds(sample=sampled, reference=referred, reward=clock.lap()),
        )
        return episodes, summary

    def _credit(
        self,
        prompts: PaddedPrompts,
        samples: Samples,
        scores: Tensor,
        log_ratios: Tensor,
        baseline: Tensor,
        kl_coefficient: float,
    ) -> tuple[Episodes, Tensor, Tensor]:
        """Episodes with advantages, their returns and their λ-returns at the first token."""
        gamma, lambda_ = self.training.gamma, self.training.lambda_
        responses = samples.responses
        valid = responses.valid()
        rewards = returns.dense_rewards(scores, log_ratios, responses.lengths, kl_coefficient)
        values = samples.values + baseline * valid
        advantages = returns.advantages(rewards, values, valid, gamma, lambda_)
        episodes = Episodes(
            prompts, responses, samples.log_probs, baseline * valid, values, advantages
        )
        first = advantages[:, 0] + values[:, 0]
        return episodes, returns.discounted_returns(rewards, gamma), first

    def _prefix_rewards(
        self,
        prompts: Prompts,
        scores: NDArray[np.float32],
        rows: NDArray[np.intp],
        responses: Responses,
        tick: Callable[[int, int], None],
    ) -> tuple[Tensor, dict[int, Failed]]:
        """[B, T]: the transformed reward of the text before each token, and the episodes where one
        of them failed."""
        lengths = responses.lengths.tolist()
        drawn = responses.tokens.tolist()
        steps = [(i, step) for i in range(len(rows)) for step in range(1, lengths[i])]
        prefixes = (
            [prompts.tokens[rows[i]] for i, _ in steps],
            [drawn[i][:step] for i, step in steps],
        )
        texts = read_tokens(self.policy.tokenizer, self.policy.end_tokens, *prefixes)
        raw = np.zeros(responses.tokens.shape, dtype=np.float32)
        own = np.broadcast_to(scores[rows][:, None], raw.shape)
        # Before the first token stands the prompt, whose score is known.
        raw[:, 0] = scores[rows]
        valid = responses.valid().cpu().numpy()
        valid[:, 0] = False
        scored = self.reward.score(texts, tick)
        raw[valid] = scored.values
        episodes, tokens = np.nonzero(valid)
        failures = {
            int(episodes[at]): Failed(
                reason.kind, f"the text before its token {tokens[at]}: {reason.message}"
            )
            for at, reason in scored.failures.items()
        }
        baseline = torch.from_numpy(self.transform(raw, own)).to(responses.tokens.device)
        return baseline, failures


def full_texts(
    policy: Policy, prompts: Prompts, rows: NDArray[np.intp], responses: Responses
) -> list[Text]:
    """Prompt and response as one text each."""
    lengths = responses.lengths.tolist()
    drawn = [row[:n] for row, n in zip(responses.tokens.tolist(), lengths, strict=True)]
    own = [prompts.tokens[row] for row in rows]
    return read_tokens(policy.tokenizer, policy.end_tokens, own, drawn)


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
