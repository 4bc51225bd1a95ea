"""A batch whose shapes stay draws what one draws whose finished rows are dropped, and makes neither
the host wait nor the device for it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from averse_bench.counts import Counts, counted
from averse_worker.models.batches import PaddedPrompts
from averse_worker.models.kernels.log_probs import chunks
from averse_worker.models.policy import Policy
from averse_worker.rollout.generate import Sampler, Samples, sample, uniforms
from tiny_models import make_policy, write_policy

PROMPTS = [[0, 40, 50, 60, 70], [0, 40], [0, 90, 91], [0, 50, 60, 70, 80], [7], [0, 33, 34, 35]]
TOKENS = 24
ENDS = [0, *range(100, 130)]


def loaded(folder: Path, family: str, **changes: Any) -> Policy:
    """A policy whose responses often end before their last token."""
    write_policy(folder, family, **changes)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": ENDS}))
    policy = make_policy(folder)
    torch.nn.init.normal_(policy.model.value_head.weight)
    return policy


def drawn(policy: Policy, *, queued: bool, **options: Any) -> Samples:
    policy.device = replace(policy.device, queued=queued)
    prompts = [*PROMPTS, *PROMPTS[:2]] * 4
    padded = PaddedPrompts.of(prompts, policy.pad_token, policy.device.torch_device)
    draws = uniforms(3, len(prompts), TOKENS)
    return sample(policy, padded, draws, Sampler(TOKENS, **options), lambda done, total: None)


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen3", "gpt_neox", "gptj", "opt"])
def test_it_draws_what_a_batch_draws_that_loses_its_finished_rows(
    tmp_path: Path, family: str
) -> None:
    policy = loaded(tmp_path, family)
    assert policy.actor.static
    expected = drawn(policy, queued=False, min_new_tokens=2)
    found = drawn(policy, queued=True, min_new_tokens=2)
    lengths = expected.responses.lengths
    assert len(set(lengths.tolist())) > 3, "too few lengths: a weak test"
    assert found.responses.tokens.equal(expected.responses.tokens)
    assert found.responses.lengths.equal(lengths)
    assert found.responses.counts.tolist() == lengths.tolist()
    for name in ("log_probs", "entropies", "values"):
        one, other = getattr(found, name), getattr(expected, name)
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_cut_distributions_and_minibatches_are_drawn_from_alike(tmp_path: Path) -> None:
    policy = loaded(tmp_path, "gpt2")
    options = {"top_k": 20, "top_p": 0.9, "minibatch": 5}
    expected = drawn(policy, queued=False, **options)
    found = drawn(policy, queued=True, **options)
    assert found.responses.tokens.equal(expected.responses.tokens)
    torch.testing.assert_close(found.log_probs, expected.log_probs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", ["gemma2", "bloom", "mistral", "gpt_neo"])
def test_models_that_cannot_be_static_are_sampled_as_ever(tmp_path: Path, family: str) -> None:
    policy = loaded(tmp_path, family)
    assert not policy.actor.static
    expected = drawn(policy, queued=False)
    found = drawn(policy, queued=True)
    assert found.responses.tokens.equal(expected.responses.tokens)
    assert found.log_probs.equal(expected.log_probs)


def test_it_ends_when_all_rows_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = loaded(tmp_path, "gpt2")
    with torch.no_grad():
        trunk = policy.actor.causal.transformer
        trunk.ln_f.bias += 50 * trunk.wte.weight[0]
    assert policy.actor.static
    read: list[int] = []
    hidden = policy.actor.hidden

    def counting(tokens: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        read.append(tokens.shape[1])
        return hidden(tokens, *rest, **named)

    monkeypatch.setattr(policy.actor, "hidden", counting)
    found = drawn(policy, queued=True)
    assert int(found.responses.lengths.max()) < 8
    assert read[1:] == [1] * 7, "the first look is before token 8"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """As many layers as GPT-2 small: operations do not depend on the width."""
    folder = tmp_path_factory.mktemp("small")
    policy = make_policy(write_policy(folder, "gpt2", n_layer=12))
    assert policy.actor.static
    return policy


def forward(policy: Policy) -> Counts:
    """Of transformers' own forward pass for one more token of a padded batch."""
    causal, count = policy.actor.causal, len(PROMPTS)
    cache = DynamicCache(config=causal.config)
    mask = torch.ones((count, 9), dtype=torch.long)
    mask[0, :3] = 0
    tokens = torch.randint(3, 300, (count, 8))

    def one() -> None:
        causal(
            input_ids=tokens[:, :1],
            attention_mask=mask,
            position_ids=torch.full((count, 1), 8),
            past_key_values=cache,
        )

    with torch.inference_mode():
        causal(input_ids=tokens, attention_mask=mask[:, :8], past_key_values=cache)
        return counted(one)


def test_a_token_costs_hardly_more_operations_than_its_forward_pass(small: Policy) -> None:
    small.device = replace(small.device, queued=True)
    padded = PaddedPrompts.of(PROMPTS, small.pad_token, small.device.torch_device)

    def operations(tokens: int) -> Counts:
        draws = uniforms(3, len(PROMPTS), tokens)
        return counted(lambda: sample(small, padded, draws, Sampler(tokens, tokens), _ticked))

    long, short = operations(40), operations(8)
    per_token = (long.operation_count - short.operation_count) / 32
    assert per_token <= 1.1 * forward(small).operation_count
    # The last of the syncs is for the lengths.
    assert long.sync_count <= 40 / 8, long.syncs
    assert short.sync_count <= 1, short.syncs


def _ticked(done: int, total: int) -> None:
    pass


def test_a_device_gets_as_many_rows_of_logits_as_it_handles_best() -> None:
    first = next(chunks(10_000, 50_257, torch.device("cuda")))
    assert first.stop - first.start >= 2000
    first = next(chunks(10_000, 50_257, torch.device("cpu")))
    assert first.stop - first.start == 128
    first = next(chunks(10_000, 4096, torch.device("cpu")))
    assert first.stop - first.start == 256
