"""Log-probabilities of sampled responses in the forward pass: the reference's, and the policy's."""

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from averse_worker.engine.contract import Report
from averse_worker.models.actor_critic import ActorCritic, Evaluated
from averse_worker.models.batches import PaddedPrompts, Responses, pass_order, uploaded
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
    every ratio and KL: so the update's own pass is made beforehand, unless the samples have it.
    """
    if policy.device.dtype == torch.float32 or samples.drawn_log_probs is not None:
        return samples.log_probs
    with policy.whole():
        return _log_probs(policy, policy.model, prompts, samples.responses, sampler, report)


def evaluated_samples(
    policy: Policy,
    prompts: PaddedPrompts,
    responses: Responses,
    drawn_log_probs: Tensor,
    sampler: Sampler,
    report: Report,
) -> Samples:
    """Responses that something else drew, with the policy's statistics as the update computes them.

    Args:
        drawn_log_probs: [B, T], of what drew them; zero at padding.
    """
    log_probs = torch.zeros(responses.tokens.shape, device=responses.tokens.device)
    entropies = torch.zeros_like(log_probs)
    values = None if policy.model.value_head is None else torch.zeros_like(log_probs)
    passes = _passes(
        policy, policy.model, prompts, responses, sampler, report, values=values is not None
    )
    for rows, part in passes:
        width = part.log_probs.shape[1]
        log_probs[rows, :width] = part.log_probs
        entropies[rows, :width] = part.entropies
        if values is not None and part.values is not None:
            values[rows, :width] = part.values
    return Samples(responses, log_probs, entropies, values, drawn_log_probs)


def _log_probs(
    policy: Policy,
    model: ActorCritic,
    prompts: PaddedPrompts,
    responses: Responses,
    sampler: Sampler,
    report: Report,
) -> Tensor:
    out = torch.zeros(responses.tokens.shape, device=responses.tokens.device)
    for rows, part in _passes(policy, model, prompts, responses, sampler, report):
        out[rows, : part.log_probs.shape[1]] = part.log_probs
    return out


@torch.no_grad()
def _passes(
    policy: Policy,
    model: ActorCritic,
    prompts: PaddedPrompts,
    responses: Responses,
    sampler: Sampler,
    report: Report,
    *,
    values: bool = False,
) -> Iterator[tuple[Tensor, Evaluated]]:
    """Rows, and what the model says of them, until all are done; shorter ones first."""
    total = responses.tokens.shape[0]
    done = 0
    order = pass_order(prompts, responses)
    size = sampler.minibatch or _BATCH
    for rows in (order[start : start + size] for start in range(0, total, size)):
        report("reference", done, total, "episodes")
        yield (
            uploaded(rows, responses.tokens.device),
            policy.evaluate(
                model,
                prompts.select(rows),
                responses.select(rows),
                sampler.min_new_tokens,
                values=values,
            ),
        )
        done += len(rows)
    report("reference", total, total, "episodes")
