"""What a GPU would be asked to do, and how often the host would wait for it: operations and host
syncs per sampled token and per gradient step, counted on a CPU (`counts.py`).

The worker is told that its device queues work, so it takes the paths of a GPU.
"""

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from averse_bench.counts import Counts, counted
from averse_bench.setting import EPOCHS, MINIBATCH, NEW_TOKENS, PROMPT_TOKENS, Bench, Setting
from averse_worker.models.batches import PaddedPrompts
from averse_worker.models.policy import Policy
from averse_worker.rollout.generate import Sampler, sample, uniforms


def measure(setting: Setting) -> dict[str, Any]:
    """Counts per token and per gradient step, on the CPU's paths (`host`) and a GPU's (`queued`),
    beside those of transformers' forward pass for one token."""
    bench = Bench(setting)
    loaded = bench.engine._loaded
    assert loaded is not None
    policy, found = loaded.training.policy, loaded.prompts["train"].prompts
    rows = [found.tokens[row] for row in bench.prompts().tolist()]
    prompts = PaddedPrompts.of(rows, policy.pad_token, policy.device.torch_device)
    steps = EPOCHS * -(-setting.batch // MINIBATCH)
    of_forward = forward_operations(policy, prompts.tokens)
    result: dict[str, Any] = {"forward_operations": of_forward}
    for name, queued in (("host", False), ("queued", True)):
        policy.device = replace(policy.device, queued=queued)
        assert policy.actor.static, "the built-in model can be sampled from in a static batch"
        sampling = sampling_counts(policy, prompts, NEW_TOKENS)
        rollout = bench.rollout(bench.prompts())
        update = counted(partial(bench.update, rollout, 1.0))
        per_token = sampling.operation_count / NEW_TOKENS
        result[name] = {
            "operations_per_token": round(per_token, 1),
            "of_forward": round(per_token / of_forward, 3),
            "syncs_per_token": round(sampling.sync_count / NEW_TOKENS, 3),
            "operations_per_gradient_step": round(update.operation_count / steps, 1),
            "syncs_per_gradient_step": round(update.sync_count / steps, 3),
            "most_frequent": _most_frequent(sampling.operations, NEW_TOKENS),
        }
    return result


def sampling_counts(policy: Policy, prompts: PaddedPrompts, tokens: int) -> Counts:
    """Of drawing so many tokens per prompt, the pass over the prompts included."""
    draws = uniforms(0, len(prompts.counts), tokens)
    return counted(
        lambda: sample(policy, prompts, draws, Sampler(tokens), lambda done, total: None)
    )


def forward_operations(policy: Policy, tokens: Tensor) -> int:
    """Operations of transformers' own forward pass for one more token after `tokens` [B, P], with
    padding and its own cache."""
    causal = policy.actor.causal
    cache = DynamicCache(config=causal.config)
    mask = torch.ones((tokens.shape[0], PROMPT_TOKENS + 1), dtype=torch.long)
    mask[0, 0] = 0
    mask, last = mask[:, -tokens.shape[1] - 1 :], tokens[:, -1:]
    with torch.inference_mode():
        causal(input_ids=tokens, attention_mask=mask[:, :-1], past_key_values=cache)
        counts = counted(
            lambda: causal(
                input_ids=last,
                attention_mask=mask,
                position_ids=torch.full_like(last, tokens.shape[1]),
                past_key_values=cache,
            )
        )
    return counts.operation_count


def _most_frequent(operations: Counter[str], tokens: int) -> dict[str, float]:
    return {name: round(count / tokens, 1) for name, count in operations.most_common(8)}
