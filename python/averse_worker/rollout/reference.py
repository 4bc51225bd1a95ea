"""Log-probabilities of sampled responses in the forward pass: the reference's, and the policy's."""

from typing import Final

import numpy as np
import torch
from torch import Tensor

from averse_worker.engine.contract import Report
from averse_worker.models.actor_critic import ActorCritic
from averse_worker.models.batches import PaddedPrompts, Responses, uploaded
from averse_worker.models.policy import Policy
from averse_worker.rollout.generate import Sampler, Samples

# Episodes per forward pass without gradients, where rollout.minibatch sets no limit.
_BATCH: Final = 64


def reference_log_probs(
    policy: Policy,
    prompts: PaddedPrompts,
    responses: Responses,
    sampler: Sampler,
    report: Report,
) -> Tensor:
    """log π_ref of the responses, [B, T]."""
    with policy.reference() as model:
        return _log_probs(policy, model, prompts, responses, sampler, report)


def own_log_probs(
    policy: Policy,
    prompts: PaddedPrompts,
    samples: Samples,
    sampler: Sampler,
    report: Report,
) -> Tensor:
    """log π of the sampled responses as the update will compute it, [B, T].

    In float32 that is what the sampler saw. In half precision a token by token pass rounds
    differently from one over whole responses, and the difference, of either sign, would be part of
    every ratio and KL: so the update's own pass is made beforehand.
    """
    if policy.device.dtype == torch.float32:
        return samples.log_probs
    return _log_probs(policy, policy.model, prompts, samples.responses, sampler, report)


@torch.no_grad()
def _log_probs(
    policy: Policy,
    model: ActorCritic,
    prompts: PaddedPrompts,
    responses: Responses,
    sampler: Sampler,
    report: Report,
) -> Tensor:
    out = torch.zeros(responses.tokens.shape, device=responses.tokens.device)
    total = out.shape[0]
    done = 0
    order = np.argsort(prompts.counts + responses.counts, kind="stable")
    size = sampler.minibatch or _BATCH
    for rows in (order[start : start + size] for start in range(0, total, size)):
        report("reference", done, total, "episodes")
        part = policy.evaluate(
            model, prompts.select(rows), responses.select(rows), sampler.min_new_tokens
        ).log_probs
        out[uploaded(rows, out.device), : part.shape[1]] = part
        done += len(rows)
    report("reference", total, total, "episodes")
    return out
