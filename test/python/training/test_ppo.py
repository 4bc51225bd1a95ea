"""PPO: what carries no weight leaves no trace, and what is rewarded becomes more likely."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from averse_bench.counts import Counts
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.kernels.log_probs import TokenRule, log_probs
from averse_worker.models.policy import Policy
from averse_worker.rollout import returns
from averse_worker.rollout.collect import Critique, Episodes
from averse_worker.rollout.generate import Sampler, sample, uniforms
from averse_worker.training.ppo import Ppo, UpdateSummary
from averse_worker.wire.errors import Diverged
from payloads import adapter, load_payload
from tiny_models import make_policy, update_once

PROMPTS = [[0, 40, 50, 60], [0, 70], [0, 33, 34], [0, 80, 81, 82], [9], [0, 90, 91]]
NEW_TOKENS = 6


def training(**changes: Any) -> Any:
    return load_payload(**{f"training__{k}": v for k, v in changes.items()}).training


def episodes_of(policy: Policy, seed: int = 1, lengths: list[int] | None = None) -> Episodes:
    """Sampled episodes whose reward is the fraction of even tokens."""
    prompts = PaddedPrompts.of(PROMPTS, policy.pad_token, policy.device.torch_device)
    draws = uniforms(seed, len(PROMPTS), NEW_TOKENS)
    samples = sample(policy, prompts, draws, Sampler(NEW_TOKENS), lambda done, total: None)
    responses, valid = samples.responses, samples.responses.valid()
    if lengths is not None:
        responses = Responses(responses.tokens, torch.tensor(lengths))
        valid = responses.valid()
    even = ((responses.tokens % 2 == 0) & valid).sum(1) / responses.lengths
    rewards = returns.dense_rewards(even, torch.zeros(valid.shape), responses.lengths, 0.0)
    values = samples.values * valid
    advantages = returns.advantages(rewards, values, valid, 1.0, 0.95)
    logs = samples.log_probs * valid
    critique = Critique(torch.zeros(valid.shape), values, advantages, 0.0)
    # The reference is the policy as it was loaded, which sampled.
    return Episodes(prompts, responses, logs, logs, critique, np.zeros(len(PROMPTS), dtype=bool))


def with_advantages(episodes: Episodes, where: Any, value: float) -> Episodes:
    """The same, but for the critic's advantages there."""
    assert episodes.critique is not None
    advantages = episodes.critique.advantages.clone()
    advantages[where] = value
    return replace(episodes, critique=replace(episodes.critique, advantages=advantages))


def learn(
    folder: Path, weights: list[float], rows: list[int] | None = None, **changes: Any
) -> tuple[dict[str, torch.Tensor], UpdateSummary]:
    """Weights of a fresh policy after one update on always the same episodes."""
    policy = make_policy(folder)
    ppo = Ppo(policy, training(**changes), 0)
    episodes = episodes_of(policy, lengths=[6, 5, 6, 4, 6, 2])
    if rows is not None:
        episodes = episodes.select(torch.tensor(rows))
    summary = update_once(ppo, episodes, weights, seed=3)
    return {n: p.detach().clone() for n, p in policy.parameters.items()}, summary


def test_weight_zero_is_the_same_as_not_being_there(language_model: Path) -> None:
    whole, told = learn(language_model, [0, 2, 1, 0, 0.5, 0], minibatch=2)
    part, alike = learn(language_model, [2, 1, 0.5], rows=[1, 2, 4], minibatch=2)
    assert told == alike
    for name in whole:
        torch.testing.assert_close(whole[name], part[name], rtol=0, atol=0)


def test_episodes_without_weight_cost_no_forward_pass(
    language_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    policy = make_policy(language_model)
    original = policy.actor.hidden

    def counting(tokens: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        seen.append(tokens.shape[0])
        return original(tokens, *rest, **named)

    ppo = Ppo(policy, training(epochs=3, minibatch=2), 0)
    episodes = episodes_of(policy)
    monkeypatch.setattr(policy.actor, "hidden", counting)
    summary = update_once(ppo, episodes, [0, 1, 0, 0, 1, 0])
    assert seen == [2, 2, 2]
    assert summary.gradient_steps == 3
    assert summary.tokens == 3 * 2 * NEW_TOKENS


def test_only_ratios_of_weights_count(language_model: Path) -> None:
    one, _ = learn(language_model, [1, 2, 3, 1, 2, 3])
    ten, _ = learn(language_model, [10, 20, 30, 10, 20, 30])
    for name in one:
        torch.testing.assert_close(one[name], ten[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("aggregation", ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"])
def test_the_first_gradient_is_that_of_the_formula(language_model: Path, aggregation: str) -> None:
    """One minibatch, ratio 1: ∇ = −Σ wᵢ Σ_t Â ∇log π / Σ wᵢ·tokensᵢ, and the value loss's; or a
    mean over episodes, of their sums or means."""
    weights = torch.tensor([1.0, 0.5, 2.0, 1.0, 0.0, 3.0])
    policy = make_policy(language_model)
    episodes = episodes_of(policy, lengths=[6, 5, 6, 4, 6, 2])
    valid = episodes.responses.valid()
    token_weights = weights[:, None] * valid
    seen = policy.evaluate(policy.model, episodes.prompts, episodes.responses, 0, values=True)
    assert seen.values is not None
    assert episodes.critique is not None
    white = returns.whiten(episodes.critique.advantages, token_weights)
    targets = episodes.critique.advantages + episodes.critique.values
    tokens = 0.05 * (seen.values - targets).square() - white * seen.log_probs
    if aggregation == "token-mean":
        loss = (token_weights * tokens).sum() / token_weights.sum()
    else:
        lengths = episodes.responses.lengths if aggregation == "seq-mean-token-mean" else 1
        loss = (weights * (valid * tokens).sum(1) / lengths).sum() / weights.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    expected = {n: p.grad.clone() for n, p in policy.parameters.items() if p.grad is not None}
    policy.actor.causal.zero_grad()
    policy.model.value_head.zero_grad()
    ppo = Ppo(policy, training(epochs=1, minibatch=8, learning_rate=0, max_grad_norm=1e9), 0)
    summary = update_once(ppo, episodes, weights, aggregation=aggregation)
    for name, parameter in policy.parameters.items():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-3, atol=1e-5)
    assert summary.figures["clip_fraction"] == 0
    assert summary.figures["approx_kl"] == pytest.approx(0, abs=1e-6)


def test_updates_repeat_bit_for_bit_and_follow_their_seed(language_model: Path) -> None:
    first, told = learn(language_model, [1] * 6, minibatch=2)
    again, told_again = learn(language_model, [1] * 6, minibatch=2)
    assert told == told_again
    for name in first:
        torch.testing.assert_close(first[name], again[name], rtol=0, atol=0)


def test_ppo_raises_a_simple_reward(language_model: Path) -> None:
    policy = make_policy(language_model)
    ppo = Ppo(policy, training(epochs=4, learning_rate=3e-3, value_learning_rate=1e-2), 0)

    def even_fraction(seed: int) -> float:
        episodes = episodes_of(policy, seed)
        drawn = episodes.responses.tokens[episodes.responses.valid()]
        return float((drawn % 2 == 0).float().mean())

    before = np.mean([even_fraction(seed) for seed in range(900, 905)])
    for seed in range(15):
        update_once(ppo, episodes_of(policy, seed), np.ones(6), seed=seed)
    after = np.mean([even_fraction(seed) for seed in range(900, 905)])
    assert after > before + 0.25, (before, after)


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(language_model: Path) -> None:
    policy = make_policy(language_model)
    ppo = Ppo(policy, training(minibatch=6), 0)
    episodes = episodes_of(policy)
    before = {n: p.detach().clone() for n, p in policy.parameters.items()}
    spoiled = with_advantages(episodes, (4, 0), torch.nan)
    with pytest.raises(Diverged, match="episodes"):
        update_once(ppo, spoiled, np.ones(6))
    for name, parameter in policy.parameters.items():
        assert parameter.equal(before[name]), name


def test_what_a_broken_weight_makes_is_named_with_the_episodes(
    language_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("averse_worker.training.ppo.require_finite", lambda parameters: None)
    policy = make_policy(language_model)
    ppo = Ppo(policy, training(minibatch=6), 0)
    episodes = episodes_of(policy)
    with torch.no_grad():
        policy.model.value_head.weight[0, 0] = torch.inf
    with pytest.raises(Diverged, match=r"values became NaN .* episodes 0, 1"):
        update_once(ppo, episodes, np.ones(6))


def state_of(policy: Policy, ppo: Ppo) -> dict[str, torch.Tensor]:
    """Everything that an update changes, copied."""
    weights = {n: p.detach().clone() for n, p in policy.parameters.items()}
    return weights | {n: t.clone() for n, t in ppo.state().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(one[n].equal(other[n]) for n in one)


@pytest.mark.parametrize("queued", [False, True])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_gradient_that_diverged_is_not_applied(
    language_model: Path, value: float, queued: bool
) -> None:
    """The third gradient step meets a bad gradient: what the first two made of it stays. Where work
    is queued, that is seen at the end of the epoch, which has another step."""
    policy = make_policy(language_model)
    policy.device = replace(policy.device, queued=queued)
    ppo = Ppo(policy, training(minibatch=1, epochs=2, learning_rate=1e-3), 0)
    episodes = episodes_of(policy)
    name = next(n for n in policy.parameters if n.endswith("c_fc.weight"))
    states: list[dict[str, torch.Tensor]] = []
    taken: list[dict[str, torch.Tensor]] = []

    def spoil(gradient: torch.Tensor) -> torch.Tensor | None:
        states.append(state_of(policy, ppo))
        if len(states) < 3:
            return None
        gradient = gradient.clone()
        gradient[1, 2] = value
        return gradient

    hook = policy.parameters[name].register_hook(spoil)
    ppo.descent.optimizer.register_step_post_hook(lambda *_: taken.append(state_of(policy, ppo)))
    with pytest.raises(Diverged, match=rf"the gradient of {name}.*episodes \d") as caught:
        update_once(ppo, episodes, np.ones(6))
    hook.remove()
    assert len(taken) == (6 if queued else 2)
    assert same(state_of(policy, ppo), states[2])
    assert all(same(state, taken[1]) for state in taken[2:])
    assert same(state_of(policy, ppo), taken[1])
    assert not same(states[2], states[0])
    assert (caught.value.detail or "").startswith("episodes [")
    assert np.isfinite(update_once(ppo, episodes, np.ones(6)).figures["grad_norm"])


@pytest.mark.parametrize("queued", [False, True])
def test_a_loss_that_diverged_is_not_applied(language_model: Path, queued: bool) -> None:
    policy = make_policy(language_model)
    policy.device = replace(policy.device, queued=queued)
    ppo = Ppo(policy, training(), 0)
    episodes = episodes_of(policy)
    before = state_of(policy, ppo)
    spoiled = with_advantages(episodes, (4, slice(None)), torch.nan)
    with pytest.raises(Diverged, match="the loss"):
        update_once(ppo, spoiled, np.ones(6))
    after = state_of(policy, ppo)
    assert same({name: after[name] for name in before}, before)
    # Moments that a skipped step began with are those of none.
    assert not any(after[name].any() for name in after.keys() - before.keys())
    # Without weight it is nowhere in the computation.
    update_once(ppo, spoiled, [1, 1, 1, 1, 0, 1])


def test_weights_that_diverged_are_named_before_anything_is_computed(language_model: Path) -> None:
    policy = make_policy(language_model)
    ppo = Ppo(policy, training(), 0)
    episodes = episodes_of(policy)
    name = list(policy.parameters)[3]
    with torch.no_grad():
        policy.parameters[name].view(-1)[5] = -torch.inf
    before = state_of(policy, ppo)
    with pytest.raises(Diverged, match=f"the weights of {name} "):
        update_once(ppo, episodes, np.ones(6))
    assert same(state_of(policy, ppo), before)


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("update", [{}, {"kl_weights": [1, 1, 0, 2, 1, 1], "kl_form": "k3"}])
def test_queued_work_is_the_same_and_waited_for_at_its_ends(
    language_model: Path, update: dict[str, Any], rank: int
) -> None:
    """Nothing in an epoch makes the host wait, and figures and weights are those of a CPU."""
    told, weights = [], []
    for queued in (False, True):
        policy = make_policy(language_model, policy__adapter=adapter(rank))
        policy.device = replace(policy.device, queued=queued)
        assert policy.actor.static
        ppo = Ppo(policy, training(epochs=4, minibatch=2, max_grad_norm=0.1), 0)
        episodes = episodes_of(policy, lengths=[6, 5, 6, 4, 6, 2])
        with Counts() as counts:
            told.append(update_once(ppo, episodes, [1, 2, 0.5, 1, 1, 0.3], seed=3, **update))
        weights.append({n: p.detach() for n, p in policy.parameters.items()})
    assert counts.sync_count <= told[0].gradient_steps, counts.syncs
    assert told[0].figures == pytest.approx(told[1].figures, abs=1e-5)
    for name, expected in weights[0].items():
        torch.testing.assert_close(weights[1][name], expected, rtol=1e-4, atol=1e-4)


def test_a_finite_step_out_of_float32_is_told_before_anybody_saves_it(language_model: Path) -> None:
    policy = make_policy(language_model)
    ppo = Ppo(policy, training(epochs=1, minibatch=8, learning_rate=1e39), 0)
    with pytest.raises(Diverged, match="the weights of "):
        update_once(ppo, episodes_of(policy), np.ones(6))


def test_lora_trains_adapters_and_head_alone(language_model: Path) -> None:
    policy = make_policy(language_model, policy__adapter=adapter(2))
    names = set(policy.parameters)
    assert names
    assert all("lora_" in n or n.startswith("value_head.") for n in names)
    frozen = {
        n: p.clone() for n, p in policy.actor.causal.named_parameters() if not p.requires_grad
    }
    ppo = Ppo(policy, training(learning_rate=1e-2), 0)
    episodes = episodes_of(policy)
    update_once(ppo, episodes, np.ones(6))
    for name, parameter in policy.actor.causal.named_parameters():
        assert name not in frozen or parameter.equal(frozen[name])
    with torch.no_grad():
        own = policy.evaluate(policy.model, episodes.prompts, episodes.responses, 0).log_probs
        with policy.reference() as reference:
            base = policy.evaluate(reference, episodes.prompts, episodes.responses, 0).log_probs
    torch.testing.assert_close(base, episodes.log_probs, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(own, base, atol=1e-3)


@pytest.mark.parametrize("rank", [0, 2])
def test_mixed_precision_trains_float32_weights(language_model: Path, rank: int) -> None:
    policy = make_policy(language_model, policy__adapter=adapter(rank), backend__dtype="bfloat16")
    assert {p.dtype for p in policy.parameters.values()} == {torch.float32}
    episodes = episodes_of(policy)
    with torch.no_grad():
        seen = policy.evaluate(policy.model, episodes.prompts, episodes.responses, 0)
        with policy.reference() as model:
            reference = policy.evaluate(model, episodes.prompts, episodes.responses, 0)
    assert seen.log_probs.dtype == torch.float32
    torch.testing.assert_close(seen.log_probs, reference.log_probs, atol=1e-5, rtol=0)
    # Another order of rounding to eight bits: near, not equal.
    torch.testing.assert_close(seen.log_probs, episodes.log_probs, atol=0.15, rtol=0.05)
    before = {n: p.detach().clone() for n, p in policy.parameters.items()}
    update_once(Ppo(policy, training(learning_rate=1e-3), 0), episodes, np.ones(6))
    assert any(not p.equal(before[n]) for n, p in policy.parameters.items())


def test_the_fused_head_has_the_gradients_of_the_plain_one() -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(9, 8, generator=generator, requires_grad=True)
    weight = torch.randn(12, 8, generator=generator, requires_grad=True)
    bias = torch.randn(12, generator=generator, requires_grad=True)
    tokens = torch.randint(3, 12, (9,), generator=generator)
    early = 4 - torch.arange(9)
    rule = TokenRule(temperature=0.7, forbidden=(1, 5), end_tokens=(2,))
    mix = torch.randn(2, 9, generator=generator)
    tokens[tokens == 5] = 6

    def plain() -> tuple[torch.Tensor, torch.Tensor]:
        logits = rule.apply((hidden @ weight.t() + bias).clone(), early)
        logs = logits.log_softmax(-1)
        return logs.gather(1, tokens[:, None])[:, 0], -(logs.exp() * logs).sum(-1)

    fused = log_probs(hidden, weight, bias, tokens, rule, early)
    for one, other in zip(fused, plain(), strict=True):
        torch.testing.assert_close(one, other)
    for factors in (mix, mix * torch.tensor([[1.0], [0.0]])):
        grads = []
        for pair in (log_probs(hidden, weight, bias, tokens, rule, early), plain()):
            loss = sum((f * x).sum() for f, x in zip(factors, pair, strict=True))
            grads.append(torch.autograd.grad(loss, (hidden, weight, bias)))
        for one, other in zip(*grads, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("log_ratio", "factor"), [(0.0, 1.0), (0.7, 2.0138), (2.0, 3.0)])
def test_ratios_to_what_drew_the_tokens_scale_the_policys_term_up_to_their_bound(
    language_model: Path, log_ratio: float, factor: float
) -> None:
    """And no other: the critic learns from all that was drawn."""
    policy = make_policy(language_model)
    own = episodes_of(policy)
    drawn = replace(own, log_importance=torch.full_like(own.log_probs, log_ratio))
    settings = training(learning_rate=0, value_learning_rate=0, epochs=1, minibatch=6)
    advantages = [2.0, -1.0, 1.0, 0.5, 0.0, 3.0]

    def figures(episodes: Episodes, **arrays: Any) -> dict[str, float]:
        ppo = Ppo(policy, settings, 0, importance_bound=3.0)
        return dict(update_once(ppo, episodes, **arrays).figures)

    plain, scaled = (figures(episodes, advantages=advantages) for episodes in (own, drawn))
    for name in ("loss_policy", "grad_norm"):
        assert plain[name] != 0
        assert scaled[name] == pytest.approx(factor * plain[name], rel=1e-3)
    assert "importance_mean" not in plain
    assert scaled["importance_mean"] == pytest.approx(np.exp(log_ratio), rel=1e-6)
    assert scaled["importance_outside"] == (log_ratio == 2.0)
    assert scaled["sampler_kl"] == pytest.approx(-log_ratio)
    critic, with_ratios = (figures(episodes, weights=[1.0] * 6) for episodes in (own, drawn))
    assert with_ratios["loss_value"] == pytest.approx(critic["loss_value"])
    # What is learned under a condition of its own is learned by likelihood: nothing drew it.
    conditioned = {"advantages": advantages, "conditions": [0] * 6}
    plain, scaled = (figures(episodes, **conditioned) for episodes in (own, drawn))
    assert scaled["loss_policy"] == plain["loss_policy"] != 0
