"""The reference's log-probabilities of sampled responses."""

from typing import Final

import torch
from torch import Tensor

from averse_worker.engine.contract import Report
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.policy import Policy
from averse_worker.rollout.generate import Sampler

# Episodes a forward pass without gradients, where rollout.minibatch sets no limit.
_BATCH: Final = 64


@torch.no_grad()
def reference_log_probs(
    policy: Policy,
    prompts: PaddedPrompts,
    responses: Responses,
    sampler: Sampler,
    report: Report,
) -> Tensor:
    """log π_ref of the responses, [B, T]."""
    out = torch.zeros(responses.tokens.shape, device=responses.tokens.device)
    total = out.shape[0]
    done = 0
    order = torch.argsort(prompts.lengths + responses.lengths, stable=True)
    with policy.reference() as model:
        for rows in torch.split(order, sampler.minibatch or _BATCH):
            report("reference", done, total, "episodes")
            part = policy.evaluate(
                model, prompts.select(rows), responses.select(rows), sampler.min_new_tokens
            ).log_probs
            out[rows, : part.shape[1]] = part
            done += len(rows)
    report("reference", total, total, "episodes")
    return out
