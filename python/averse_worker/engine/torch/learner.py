"""What rolls out episodes of a policy and learns from them; the rest of an engine is around it."""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from averse_worker.data.tokenise import Prompts
from averse_worker.engine.contract import Report
from averse_worker.models.policy import Policy
from averse_worker.platform.ranks import Ranks
from averse_worker.rewards.combine import Moments, Rewards
from averse_worker.rollout.collect import Collector, Episodes, RolloutSummary
from averse_worker.rollout.gathering import gather_rollout
from averse_worker.rollout.generate import Sampler, Source, sample, uniforms
from averse_worker.training.ppo import Ppo, UpdateSummary
from averse_worker.wire.errors import InputError
from averse_worker.wire.limits import LossArrays
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import UpdatePayload


class Learner(Protocol):
    """Collects episodes and takes gradient steps on them, with the optimizer of one policy."""

    def collect(
        self,
        prompts: Prompts,
        scores: NDArray[np.float32],
        rows: NDArray[np.intp],
        seed: int,
        kl_coefficient: float | None,
        report: Report,
        *,
        condition: int | None,
        untrained: bool,
        moments: Moments,
    ) -> tuple[Episodes, RolloutSummary]:
        """One episode for each of `rows`; `Collector.collect` has the arguments.

        Args:
            seed: of all that is drawn.
        """
        ...

    def update(
        self, episodes: Episodes, arrays: LossArrays, settings: UpdatePayload, report: Report
    ) -> UpdateSummary:
        """Epochs over the episodes of the last `collect` that take part."""
        ...

    def state(self) -> dict[str, Tensor]:
        """The optimizer's state, `<parameter>|<field>` → tensor."""
        ...

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes up what `state` returned, on the parameters' device."""
        ...

    def reset(self) -> None:
        """Begins with fresh moments, of the parameters that the policy has now."""
        ...

    def close(self) -> None:
        """Lets go of the policy; what is kept of the optimizer stays."""
        ...


class PpoLearner:
    """Our own update rule, and our own sampler unless another source of completions is given."""

    def __init__(
        self,
        policy: Policy,
        sampler: Sampler,
        rewards: Rewards,
        payload: LoadPayload,
        ranks: Ranks,
        source: Source = sample,
        importance_bound: float = math.inf,
    ) -> None:
        """Makes the optimizer.

        Args:
            ranks: the processes that learn together.
            source: of completions.
            importance_bound: `Ppo`'s, for a source that is not the policy.
        """
        self.ppo = Ppo(
            policy, payload.training, payload.rollout.min_new_tokens, ranks, importance_bound
        )
        self._collector = Collector(policy, sampler, rewards, payload.training, ranks, source)
        self._new_tokens = sampler.new_tokens
        self._pad = policy.pad_token
        self._ranks = ranks

    def collect(
        self,
        prompts: Prompts,
        scores: NDArray[np.float32],
        rows: NDArray[np.intp],
        seed: int,
        kl_coefficient: float | None,
        report: Report,
        *,
        condition: int | None,
        untrained: bool,
        moments: Moments,
    ) -> tuple[Episodes, RolloutSummary]:
        """See `Collector.collect`; each process collects its part, and gets the whole.

        Raises:
            InputError: there are fewer episodes than processes.
        """
        if rows.size < self._ranks.count:
            raise InputError(
                f"a rollout of {rows.size} episodes cannot be divided among {self._ranks.count} "
                "processes; raise training.batch, or use a worker with fewer processes",
                key="training.batch",
            )
        # Drawn for all: what an episode gets does not depend on the number of processes.
        draws = uniforms(seed, rows.size, self._new_tokens)
        mine = self._ranks.part(rows.size)
        episodes, summary = self._collector.collect(
            prompts,
            scores,
            rows[mine],
            draws[mine],
            kl_coefficient,
            report,
            condition=condition,
            untrained=untrained,
            moments=moments,
        )
        return gather_rollout(episodes, summary, self._pad, self._ranks)

    def update(
        self, episodes: Episodes, arrays: LossArrays, settings: UpdatePayload, report: Report
    ) -> UpdateSummary:
        """See `Ppo.update`."""
        if arrays.rewards is not None:
            episodes = self._collector.rewarded(episodes, arrays.rewards)
        return self.ppo.update(episodes, arrays, settings, report)

    def state(self) -> dict[str, Tensor]:
        """See `Ppo.state`."""
        return self.ppo.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        """See `Ppo.restore`."""
        self.ppo.restore(state)

    def reset(self) -> None:
        """See `Ppo.reset`."""
        self.ppo.reset()

    def close(self) -> None:
        """There is nothing beside the optimizer."""
