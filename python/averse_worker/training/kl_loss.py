"""The KL to the reference as a term of the loss: exact over the vocabulary, or estimated.

exact   Σ_v π(v) (log π(v) − log π_ref(v)) at each position of the sampled text
k3      e^−d − 1 + d,  d = log π(y) − log π_ref(y), of the sampled token (Schulman 2020)
k3-corrected   k3 · π(y)/π_old(y): its gradient, d·∇log π at π = π_old, is that of the KL in
        expectation; k3's own is (1 − e^−d)·∇log π (DeepSeek-V3.2; TRL's use_bias_correction_kl)
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from averse_worker.engine.contract import Report
from averse_worker.models.actor_critic import Evaluated, KlTerm, places_of
from averse_worker.models.batches import pass_order
from averse_worker.models.policy import Policy
from averse_worker.rollout.collect import Episodes


@dataclass(frozen=True)
class ExactKl:
    """From both models' logits."""

    coefficient: float
    hidden: list[Tensor]
    """of the reference at each episode's tokens, [T_i, d]; empty where an episode has no KL"""

    samples: ClassVar = False
    """whether the policy's log-probabilities of the sampled tokens are needed for it"""

    def exact(
        self, policy: Policy, where: NDArray[np.bool_], weights: Tensor, rows: NDArray[np.intp]
    ) -> KlTerm | None:
        """What the policy's forward pass has to return for the episodes `rows`."""
        hidden = torch.cat([self.hidden[row] for row in rows])
        places = places_of(where, weights.device)
        return KlTerm(policy.reference_head(), hidden, places, weights) if len(hidden) else None

    def loss(
        self, seen: Evaluated, episodes: Episodes, where: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The term, and the KL [B, T] without gradients."""
        if seen.kl_loss is None or seen.kl is None:
            return weights.new_zeros(()), torch.zeros_like(weights)
        return self.coefficient * seen.kl_loss, seen.kl


@dataclass(frozen=True)
class K3Kl:
    """From the sampled tokens' log-probabilities."""

    coefficient: float
    corrected: bool
    """times the ratio to the policy that sampled"""

    samples: ClassVar = True

    def exact(
        self, policy: Policy, where: NDArray[np.bool_], weights: Tensor, rows: NDArray[np.intp]
    ) -> KlTerm | None:
        """Nothing beyond log-probabilities."""
        return None

    def loss(
        self, seen: Evaluated, episodes: Episodes, where: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The term, and the estimate [B, T] without gradients."""
        difference = torch.where(where, seen.log_probs - episodes.reference_log_probs, 0.0)
        estimate = torch.expm1(-difference) + difference
        if self.corrected:
            estimate = estimate * torch.where(where, seen.log_probs - episodes.log_probs, 0.0).exp()
        return self.coefficient * (weights * estimate).sum(), estimate.detach()


KlLossTerm = ExactKl | K3Kl


@torch.no_grad()
def reference_hidden(
    policy: Policy, episodes: Episodes, wanted: NDArray[np.bool_], size: int, report: Report
) -> list[Tensor]:
    """Hidden states of the reference at the tokens of the episodes `wanted` [B], by episode.

    The reference is frozen: one pass serves all epochs. Its logits come of these a few rows at a
    time, when the policy's do.
    """
    hidden = [torch.empty(0)] * len(wanted)
    rows, counts = np.flatnonzero(wanted), episodes.responses.counts
    order = rows[pass_order(episodes.prompts.select(rows), episodes.responses.select(rows))]
    done = 0
    with policy.reference() as model, policy.device.autocast():
        for batch in (order[start : start + size] for start in range(0, len(order), size)):
            report("reference", done, len(order), "episodes")
            part = episodes.select(batch)
            layout = policy.layout(model, part.plain_prompts or part.prompts, part.responses)
            found = model.language_model.hidden_of(layout)
            for states, row in zip(found, batch.tolist(), strict=True):
                hidden[row] = states[: counts[row]].clone()
            done += len(batch)
    report("reference", done, len(order), "episodes")
    # An episode without a KL adds no rows to those of its minibatch.
    nothing = next(states for states in hidden if states.dim() == 2)[:0]
    return [states if states.dim() == 2 else nothing for states in hidden]
