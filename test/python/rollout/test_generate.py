"""Sampling: exact log-probabilities, the right distribution, and luck that can be shared."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.kernels.log_probs import FORBIDDEN
from averse_worker.models.policy import Policy
from averse_worker.rollout.drawing import draw
from averse_worker.rollout.generate import (
    Sampler,
    Samples,
    sample,
    uniforms,
    uniforms_of_prompts,
)
from tiny_models import make_policy, write_language_model

PROMPTS = [[0, 40, 50, 60, 70], [0, 40], [0, 90, 91], [0, 50, 60, 70, 80], [7], [0, 33, 34, 35]]


@pytest.fixture(scope="module")
def policy(language_model: Path) -> Policy:
    policy = make_policy(language_model)
    torch.manual_seed(0)
    torch.nn.init.normal_(policy.model.value_head.weight)
    # End-of-text becomes likely enough to come up in the middle of responses.
    with torch.no_grad():
        trunk = policy.actor.causal.transformer
        trunk.ln_f.bias += trunk.wte.weight[0]
    return policy


def padded(policy: Policy, prompts: list[list[int]]) -> PaddedPrompts:
    return PaddedPrompts.of(prompts, policy.pad_token, policy.device.torch_device)


def run(policy: Policy, prompts: list[list[int]], draws: torch.Tensor, **options: int) -> Samples:
    sampler = Sampler(draws.shape[1], **options)
    return sample(policy, padded(policy, prompts), draws, sampler, lambda done, total: None)


def test_log_probs_values_and_entropies_are_those_of_a_forward_pass(policy: Policy) -> None:
    prompts = PROMPTS * 4
    samples = run(policy, prompts, uniforms(1, len(prompts), 12), min_new_tokens=2)
    lengths = samples.responses.lengths
    assert len(set(lengths.tolist())) > 1, "all responses are of one length: a weak test"
    with torch.no_grad():
        seen = policy.evaluate(
            policy.model, padded(policy, prompts), samples.responses, 2, values=True
        )
    torch.testing.assert_close(samples.log_probs, seen.log_probs, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(samples.entropies, seen.entropies, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(samples.values, seen.values, atol=1e-4, rtol=1e-4)


def test_float16_has_the_entropies_of_float32(language_model: Path) -> None:
    """A forbidden token has probability 0, and no exponent that float16 could hold."""
    samples, exact = (
        run(make_policy(language_model, backend__dtype=dtype), PROMPTS, uniforms(1, 6, 4))
        for dtype in ("float16", "float32")
    )
    first = exact.entropies[:, 0]
    assert bool((first > 0).all())
    torch.testing.assert_close(samples.entropies[:, 0], first, atol=1e-2, rtol=1e-2)
    assert bool(torch.isfinite(samples.entropies).all())
    policy = make_policy(language_model, backend__dtype="float16")
    with torch.no_grad():
        seen = policy.evaluate(policy.model, padded(policy, PROMPTS), samples.responses, 2)
    assert bool(torch.isfinite(seen.entropies).all())


def test_log_probs_equal_transformers_one_unpadded_row_at_a_time(
    policy: Policy, language_model: Path
) -> None:
    samples = run(policy, PROMPTS, uniforms(2, len(PROMPTS), 8))
    plain = AutoModelForCausalLM.from_pretrained(language_model)
    plain.load_state_dict(policy.actor.causal.state_dict())
    for i, prompt in enumerate(PROMPTS):
        n = int(samples.responses.lengths[i])
        response = samples.responses.tokens[i, :n].tolist()
        with torch.no_grad():
            logits = plain(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
        logits[:, [policy.pad_token, *range(320, 324)]] = FORBIDDEN
        expected = logits.log_softmax(-1)[torch.arange(n), response]
        torch.testing.assert_close(samples.log_probs[i, :n], expected, atol=1e-4, rtol=1e-4)
        assert not samples.log_probs[i, n:].any()


def test_responses_end_at_the_end_token_and_not_before_the_minimum(policy: Policy) -> None:
    prompts = PROMPTS * 10
    samples = run(policy, prompts, uniforms(3, len(prompts), 10), min_new_tokens=4)
    tokens, lengths = samples.responses.tokens, samples.responses.lengths
    ended = lengths < 10
    assert bool(ended.any())
    assert int(lengths.min()) > 4
    for row, n in zip(tokens.tolist(), lengths.tolist(), strict=True):
        assert policy.end_tokens[0] not in row[: n - 1]
        assert row[n:] == [policy.pad_token] * (10 - n)
        assert n == 10 or row[n - 1] in policy.end_tokens


def policy_with_ends(folder: Path, ends: list[int]) -> Policy:
    """The tiny model, with end tokens in generation_config.json that come often."""
    write_language_model(folder)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}))
    policy = make_policy(folder)
    with torch.no_grad():
        trunk = policy.actor.causal.transformer
        trunk.ln_f.bias += trunk.wte.weight[ends].sum(0)
    return policy


def test_any_of_the_models_end_tokens_ends_a_response(tmp_path: Path) -> None:
    policy = policy_with_ends(tmp_path, [40, 0, 41])
    assert policy.end_tokens == (0, 40, 41)
    prompts = PROMPTS * 40
    samples = run(policy, prompts, uniforms(3, len(prompts), 10))
    lasts = set()
    for row, n in zip(samples.responses.tokens.tolist(), samples.responses.lengths, strict=True):
        assert not set(row[: n - 1]) & {0, 40, 41}
        if n < 10:
            lasts.add(row[n - 1])
    assert lasts == {0, 40, 41}


def test_the_end_of_a_turn_is_one_of_the_tokens_that_must_come(tmp_path: Path) -> None:
    policy = policy_with_ends(tmp_path, [40, 0])
    prompts = PROMPTS * 40
    samples = run(policy, prompts, uniforms(3, len(prompts), 10), min_new_tokens=3)
    shortest = {0: 10, 40: 10}
    for row, n in zip(samples.responses.tokens.tolist(), samples.responses.lengths, strict=True):
        if n < 10:
            shortest[row[n - 1]] = min(shortest[row[n - 1]], int(n))
    assert shortest == {0: 4, 40: 3}
    again = policy.evaluate(
        policy.model, padded(policy, prompts), samples.responses, min_new_tokens=3
    )
    torch.testing.assert_close(again.log_probs, samples.log_probs, atol=1e-4, rtol=1e-4)


def test_neither_padding_nor_rows_without_a_token_are_drawn(policy: Policy) -> None:
    assert policy.rule.forbidden == (1, 320, 321, 322, 323)
    samples = run(policy, PROMPTS * 20, uniforms(4, 120, 6))
    drawn = samples.responses.tokens[samples.responses.valid()]
    assert not set(drawn.tolist()) & set(policy.rule.forbidden)


def test_a_response_depends_on_its_own_prompt_and_draws_alone(policy: Policy) -> None:
    draws = uniforms(5, len(PROMPTS), 9)
    together = run(policy, PROMPTS, draws).responses
    chunked = run(policy, PROMPTS, draws, minibatch=2).responses
    assert together.tokens.equal(chunked.tokens)
    for i, prompt in enumerate(PROMPTS):
        alone = run(policy, [prompt], draws[i : i + 1]).responses
        n = int(together.lengths[i])
        assert alone.tokens[0, :n].equal(together.tokens[i, :n])


def test_prompts_that_repeat_are_read_once(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [PROMPTS[0], PROMPTS[1], PROMPTS[0], PROMPTS[0], PROMPTS[1]]
    draws = uniforms(12, 5, 6)
    alone = [run(policy, [p], draws[i : i + 1]).responses for i, p in enumerate(prompts)]
    read: list[int] = []
    original = policy.actor.hidden

    def counting(tokens: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        read.append(tokens.shape[0])
        return original(tokens, *rest, **named)

    monkeypatch.setattr(policy.actor, "hidden", counting)
    together = run(policy, prompts, draws).responses
    assert read[:2] == [2, 5]
    for i, response in enumerate(alone):
        n = int(response.lengths[0])
        assert together.tokens[i, :n].equal(response.tokens[0, :n])


def test_progress_never_goes_back(policy: Policy) -> None:
    told: list[tuple[int, int]] = []
    sample(
        policy,
        padded(policy, PROMPTS),
        uniforms(6, 6, 5),
        Sampler(5, minibatch=4),
        lambda done, total: told.append((done, total)),
    )
    assert told == sorted(told)
    assert all(0 <= done <= total for done, total in told)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    uniform=st.floats(2**-24, 1.0, width=32),
    top_k=st.integers(0, 6),
    top_p=st.sampled_from([0.05, 0.5, 0.9, 1.0]),
)
def test_draws_invert_the_cumulated_probabilities(
    seed: int, uniform: float, top_k: int, top_p: float
) -> None:
    logits = torch.randn(1, 6, generator=torch.Generator().manual_seed(seed))
    logits[0, seed % 6] = FORBIDDEN
    probabilities = logits.double().softmax(-1)[0].numpy().copy()
    order = np.argsort(-probabilities)
    if 0 < top_k < 6:
        probabilities[order[top_k:]] = 0
    ranked = probabilities[order] / probabilities.sum()
    outside = order[(np.cumsum(ranked) - ranked) >= top_p]
    if top_p < 1:
        probabilities[outside] = 0
    probabilities /= probabilities.sum()
    token = int(draw(logits, torch.tensor([uniform]), top_k, top_p).tokens)
    assert probabilities[token] > 0
    edges = np.concatenate([[0], np.cumsum(probabilities)])
    assert edges[token] - 1e-5 <= uniform <= edges[token + 1] + 1e-5


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, FORBIDDEN]]).expand(20_000, -1)
    draws = uniforms(7, 20_000, 1)[:, 0]
    shares = np.bincount(draw(logits.clone(), draws, 0, 1.0).tokens, minlength=4) / 20_000
    np.testing.assert_allclose(shares, logits[0].softmax(-1), atol=0.012)


def test_temperature_scales_log_probs_alike_everywhere(language_model: Path) -> None:
    policy = make_policy(language_model, rollout__temperature=0.5)
    samples = run(policy, PROMPTS, uniforms(8, len(PROMPTS), 6))
    with torch.no_grad():
        seen = policy.evaluate(policy.model, padded(policy, PROMPTS), samples.responses, 0)
        layout_free = make_policy(language_model)
        plain = layout_free.evaluate(
            layout_free.model, padded(policy, PROMPTS), samples.responses, 0
        )
    torch.testing.assert_close(samples.log_probs, seen.log_probs, atol=1e-4, rtol=1e-4)
    assert float(seen.entropies.sum()) < float(plain.entropies.sum())


def test_uniforms_repeat_and_never_are_zero() -> None:
    first = uniforms(9, 400, 50)
    assert first.equal(uniforms(9, 400, 50))
    assert not first.equal(uniforms(10, 400, 50))
    assert float(first.min()) > 0
    assert float(first.max()) <= 1


def test_uniforms_of_prompts_belong_to_the_prompt() -> None:
    some = uniforms_of_prompts(1, [5, 9, 5], 7)
    assert some[0].equal(uniforms_of_prompts(1, [9, 5], 7)[1])
    assert not some[0].equal(some[2]), "the same prompt twice must not give the same text twice"
    assert float(some.min()) > 0


def test_left_padding_changes_nothing(policy: Policy) -> None:
    tokens = torch.tensor([[60, 61, 62]])
    responses = Responses(tokens, torch.tensor([3]))
    with torch.no_grad():
        alone = policy.evaluate(policy.model, padded(policy, [[0, 40]]), responses, 0, values=True)
        both = policy.evaluate(
            policy.model,
            padded(policy, [[0, 40], [0, 50, 51, 52, 53, 54]]),
            Responses(tokens.repeat(2, 1), torch.tensor([3, 3])),
            0,
            values=True,
        )
    assert alone.values is not None
    assert both.values is not None
    torch.testing.assert_close(both.log_probs[:1], alone.log_probs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(both.values[:1], alone.values, atol=1e-5, rtol=1e-5)
