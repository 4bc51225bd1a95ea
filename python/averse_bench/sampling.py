"""Sampling against an unmodified `model.generate`: the same model, prompts and lengths."""

from typing import Any

import torch
from transformers import AutoModelForCausalLM

from averse_bench.setting import NEW_TOKENS, Bench, Setting, Times
from averse_worker.models.batches import PaddedPrompts
from averse_worker.platform.files import ASSETS
from averse_worker.rollout.generate import Sampler, sample, uniforms


def measure(setting: Setting) -> dict[str, Any]:
    """Tokens per second of both, and the speedup."""
    bench = Bench(setting)
    loaded = bench.engine._loaded
    assert loaded is not None
    policy, found = loaded.training.policy, loaded.prompts["train"].prompts
    rows = bench.prompts().tolist()
    prompts = PaddedPrompts.of(
        [found.tokens[row] for row in rows], policy.pad_token, policy.device.torch_device
    )
    draws = uniforms(0, setting.batch, NEW_TOKENS)
    sampler = Sampler(NEW_TOKENS, NEW_TOKENS)
    model = AutoModelForCausalLM.from_pretrained(
        ASSETS / "language-model", dtype=getattr(torch, setting.dtype)
    ).eval()
    mask = prompts.mask()

    def own() -> None:
        sample(policy, prompts, draws, sampler, lambda done, total: None)

    def generate() -> None:
        model.generate(
            prompts.tokens,
            attention_mask=torch.ones_like(prompts.tokens) if mask is None else mask,
            do_sample=True,
            top_k=0,
            max_new_tokens=NEW_TOKENS,
            min_new_tokens=NEW_TOKENS,
            pad_token_id=policy.pad_token,
        )

    ours, theirs, theirs_onednn = Times(), Times(), Times()
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    kernels = matmul.fp32_precision
    for repeat in range(setting.repeats + 1):
        if repeat == 1:  # the first round warms up
            ours, theirs, theirs_onednn = Times(), Times(), Times()
        ours.measure(own)
        theirs_onednn.measure(generate)
        # The default of transformers: torch chooses the kernels.
        matmul.fp32_precision = "none"
        theirs.measure(generate)
        matmul.fp32_precision = kernels
    tokens = setting.batch * NEW_TOKENS
    return {
        "averse": _rates(ours, tokens),
        "generate": _rates(theirs, tokens),
        "generate_with_onednn": _rates(theirs_onednn, tokens),
        "times_faster": theirs.over(ours),
    }


def _rates(times: Times, tokens: int) -> dict[str, float]:
    medians = times.medians()
    return {**medians, "tokens_per_cpu_second": round(tokens / medians["cpu_seconds"])}
