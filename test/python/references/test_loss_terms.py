"""The terms of an update's loss, as `src/protocol/README.md` writes them, against autograd on all
logits: signed advantages, the exact KL and k3, the entropy, under each aggregation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.policy import Policy
from averse_worker.rollout.collect import Critique, Episodes
from averse_worker.store.export import export_policy
from averse_worker.training.ppo import Ppo
from payloads import adapter, load_payload
from plain import at, entropies, next_token_log_probs, plain_model
from tiny_models import make_policy, update_once, write_policy

PROMPTS = [[0, 40, 50, 60], [0, 70], [0, 33, 34], [9], [0, 80, 81, 82], [0, 90, 91]]
RESPONSES = [
    [70, 41, 7],
    [33, 5, 6, 9, 0],
    [8],
    [44, 45, 90, 0],
    [10, 60, 61],
    [12, 13, 14, 15, 16],
]
LENGTHS = [len(response) for response in RESPONSES]
# The first episode's reward failed; the last takes no part.
ADVANTAGES = [0.0, -0.7, 0.0, 2.0, -1.2, 0.0]
KL_WEIGHTS = [1.0, 0.0, 2.0, 0.5, 0.0, 0.0]
WEIGHTS = [0.0, 1.0, 3.0, 0.0, 0.5, 0.0]
SAMPLING: dict[str, Any] = {"temperature": 0.8, "min_new_tokens": 2}
FORBIDDEN = (1, 320, 321, 322, 323)
CLIP, ENTROPY, COEFFICIENT = 0.2, 0.03, 0.4


def log_probs(model: Any, i: int) -> Tensor:
    """[T, V]"""
    return next_token_log_probs(
        model, PROMPTS[i], RESPONSES[i], end=0, forbidden=FORBIDDEN, **SAMPLING
    )


@dataclass(frozen=True)
class Models:
    """Where the policy, its reference and the policy that sampled lie."""

    policy: Path
    reference: Path
    sampler: Path


@pytest.fixture(scope="module", params=["gpt2", "gemma2"])
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """A plain head, and one with a soft cap behind it."""
    folder = tmp_path_factory.mktemp(request.param)
    policy = write_policy(folder / "policy", request.param)
    sampler = make_policy(policy)
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in sampler.actor.causal.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
    (folder / "sampler").mkdir()
    export_policy(sampler, folder / "sampler")
    return Models(policy, write_policy(folder / "reference", request.param, 1), folder / "sampler")


def padded(rows: Sequence[Tensor]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True).float()


@torch.no_grad()
def episodes_of(policy: Policy, sampler: Any, reference: Any, spread: float = 1.0) -> Episodes:
    """As if `sampler` had drawn the responses; one episode's reward failed, and the critic's
    advantages are of mean 2 and this spread."""
    failed = np.zeros(len(PROMPTS), dtype=bool)
    failed[0] = True
    generator = torch.Generator().manual_seed(4)
    advantages = padded([2 + spread * torch.randn(n, generator=generator) for n in LENGTHS])
    advantages[0] = torch.nan
    blank = torch.zeros_like(advantages)
    return Episodes(
        PaddedPrompts.of(PROMPTS, policy.pad_token, policy.device.torch_device),
        Responses(padded([torch.tensor(r) for r in RESPONSES]).long(), torch.tensor(LENGTHS)),
        padded([at(log_probs(sampler, i), r) for i, r in enumerate(RESPONSES)]),
        padded([at(log_probs(reference, i), r) for i, r in enumerate(RESPONSES)]),
        Critique(blank, blank, advantages, 0.0),
        failed,
    )


def mean_of_all(aggregation: str) -> Callable[[dict[int, Tensor]], Tensor]:
    """One number of the tokens of the episodes, of which the rollout has more."""

    def mean(tokens: dict[int, Tensor]) -> Tensor:
        if aggregation == "token-mean":
            return sum(x.sum() for x in tokens.values()) / sum(LENGTHS)
        sums = aggregation == "seq-mean-token-sum"
        return sum(x.sum() if sums else x.mean() for x in tokens.values()) / len(LENGTHS)

    return mean


def mean_of_weighted(aggregation: str, weights: list[float]) -> Callable[..., Tensor]:
    """One number of the tokens of the episodes that have weight."""

    def mean(tokens: dict[int, Tensor]) -> Tensor:
        if aggregation == "token-mean":
            whole = sum(weights[i] * LENGTHS[i] for i in tokens)
            return sum(weights[i] * x.sum() for i, x in tokens.items()) / whole
        sums = aggregation == "seq-mean-token-sum"
        terms = (weights[i] * (x.sum() if sums else x.mean()) for i, x in tokens.items())
        return sum(terms) / sum(weights[i] for i in tokens)

    return mean


@dataclass(frozen=True)
class Expected:
    losses: dict[str, float]
    gradients: dict[str, Tensor]


def plain_loss(
    models: Models, arrays: dict[str, list[float]], form: str, aggregation: str, entropy: float
) -> Expected:
    """In float64, one episode at a time."""
    model, reference, sampler = (
        plain_model(folder, torch.float64)
        for folder in (models.policy, models.reference, models.sampler)
    )
    logs = {i: log_probs(model, i) for i in range(len(PROMPTS))}
    with torch.no_grad():
        old = {i: at(log_probs(sampler, i), r) for i, r in enumerate(RESPONSES)}
        before = {i: log_probs(reference, i) for i in range(len(PROMPTS))}
    losses: dict[str, Tensor] = {}
    total: Tensor = torch.zeros(())
    if "advantages" in arrays:
        mean = mean_of_all(aggregation)
        taking = {i: a for i, a in enumerate(arrays["advantages"]) if a != 0}
        terms = {}
        for i, advantage in taking.items():
            ratio = (at(logs[i], RESPONSES[i]) - old[i]).exp()
            terms[i] = -torch.minimum(
                ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage
            )
        losses["loss_policy"] = mean(terms)
        ones = mean_of_weighted(aggregation, [1.0] * len(PROMPTS))
        total = losses["loss_policy"] - entropy * ones({i: entropies(logs[i]) for i in taking})
    if "kl_weights" in arrays:
        terms = {}
        for i, weight in enumerate(arrays["kl_weights"]):
            own, other = logs[i], before[i]
            if form == "exact":
                divergence = (own.exp() * (own - other)).sum(-1)
            else:
                d = at(own - other, RESPONSES[i])
                divergence = (-d).exp() - 1 + d
            terms[i] = weight * divergence
        losses["loss_kl"] = COEFFICIENT * mean_of_all(aggregation)(terms)
        total = total + losses["loss_kl"]
    total.backward()
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return Expected({name: loss.item() for name, loss in losses.items()}, gradients)


def run(
    models: Models,
    arrays: dict[str, list[float]],
    *,
    entropy: float,
    policy: Policy | None = None,
    spread: float = 1.0,
    **settings: Any,
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Mean gradient of the update's steps, and its figures; the weights stay.

    Args:
        policy: another one than that of the models' folders, measured by its own reference.
        spread: of the critic's advantages.
    """
    changes: dict[str, Any] = {
        "training__epochs": 1,
        "training__minibatch": 8,
        "training__learning_rate": 0,
        "training__value_learning_rate": 0,
        "training__clip_ratio": CLIP,
        "training__max_grad_norm": 1e9,
        "training__value_coefficient": 0,
        "training__entropy_coefficient": entropy,
    }
    sampler, reference = plain_model(models.sampler), plain_model(models.reference)
    policy = policy or make_policy(
        models.policy, models.reference, rollout__temperature=SAMPLING["temperature"]
    )
    ppo = Ppo(policy, load_payload(**changes).training, SAMPLING["min_new_tokens"])
    steps: list[dict[str, Tensor]] = []

    def keep(*_: Any) -> None:
        named = policy.parameters.items()
        steps.append({n: p.grad.double().clone() for n, p in named if p.grad is not None})

    ppo.descent.optimizer.register_step_pre_hook(keep)
    told = update_once(
        ppo,
        episodes_of(policy, sampler, reference, spread),
        arrays.get("weights"),
        advantages=arrays.get("advantages"),
        kl_weights=arrays.get("kl_weights"),
        kl_coefficient=COEFFICIENT,
        **settings,
    )
    assert len(steps) == told.gradient_steps
    names = {name for step in steps for name in step}
    gradients = {n: sum(step[n] for step in steps if n in step) / len(steps) for n in names}
    return gradients, told.figures


def compare(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    assert largest > 1e-3
    for name, gradient in expected.items():
        torch.testing.assert_close(
            found[name],
            gradient,
            rtol=1e-3,
            atol=1e-5 * largest,
            msg=lambda text, name=name: f"{name}: {text}",
        )


BOTH = {"advantages": ADVANTAGES, "kl_weights": KL_WEIGHTS}


@pytest.mark.parametrize("aggregation", ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"])
@pytest.mark.parametrize(
    ("arrays", "form", "entropy"),
    [
        pytest.param({"advantages": ADVANTAGES}, "exact", 0.0, id="advantages"),
        pytest.param({"advantages": ADVANTAGES}, "exact", ENTROPY, id="advantages, entropy"),
        pytest.param({"kl_weights": KL_WEIGHTS}, "exact", 0.0, id="exact KL"),
        pytest.param({"kl_weights": KL_WEIGHTS}, "k3", 0.0, id="k3"),
        pytest.param(BOTH, "exact", ENTROPY, id="advantages, entropy, exact KL"),
        pytest.param(BOTH, "k3", 0.0, id="advantages, k3"),
    ],
)
def test_gradients_are_those_of_the_protocols_formulas(
    models: Models, arrays: dict[str, list[float]], form: Any, entropy: float, aggregation: Any
) -> None:
    expected = plain_loss(models, arrays, form, aggregation, entropy)
    found, figures = run(models, arrays, entropy=entropy, kl_form=form, aggregation=aggregation)
    compare(found, expected.gradients)
    for name, loss in expected.losses.items():
        assert figures[name] == pytest.approx(loss, rel=1e-4, abs=1e-6), name
    if "advantages" in arrays:
        assert 0.05 < figures["clip_fraction"] < 0.95


@pytest.mark.parametrize("steps", [2, 4, 8])
def test_each_step_estimates_the_whole_loss(models: Models, steps: int) -> None:
    """Four episodes take part: two a step, one per step, or each one twice."""
    arrays = {"advantages": ADVANTAGES, "kl_weights": [0.0, 0.0, 2.0, 0.5, 0.0, 0.0]}
    expected = plain_loss(models, arrays, "exact", "token-mean", ENTROPY)
    found, _ = run(models, arrays, entropy=ENTROPY, steps=steps)
    compare(found, expected.gradients)


def test_advantages_of_episodes_just_sampled_are_reinforce(models: Models) -> None:
    """∇ = −Σ A_i Σ_t ∇ log π(y_it) / Σ T_i (Williams 1992), with no ratio anywhere."""
    model = plain_model(models.policy, torch.float64)
    terms = (a * at(log_probs(model, i), RESPONSES[i]).sum() for i, a in enumerate(ADVANTAGES))
    (-sum(terms) / sum(LENGTHS)).backward()
    fresh = Models(models.policy, models.reference, sampler=models.policy)
    found, figures = run(fresh, {"advantages": ADVANTAGES}, entropy=0.0)
    compare(found, {n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert figures["clip_fraction"] == 0


@pytest.mark.parametrize("form", ["exact", "k3"])
def test_a_kl_loss_beside_weights_is_that_of_the_kl_alone(models: Models, form: Any) -> None:
    """The terms add up: what the critic's advantages bring is the same with the KL or without."""
    kl = {"kl_weights": KL_WEIGHTS}
    parts = [
        run(models, arrays, entropy=0.0, kl_form=form)[0] for arrays in (kl, {"weights": WEIGHTS})
    ]
    found, _ = run(models, kl | {"weights": WEIGHTS}, entropy=0.0, kl_form=form)
    compare(found, {name: sum(part[name] for part in parts if name in part) for name in found})


def critics_objective(
    models: Models, spread: float, form: str, aggregation: str, population: str
) -> tuple[dict[str, Tensor], float]:
    """Gradient of the loss of advantages that are centred and not divided, with β·KL; and what
    whitening would divide them by. In float64."""
    model, reference, sampler = (
        plain_model(folder, torch.float64)
        for folder in (models.policy, models.reference, models.sampler)
    )
    blank = make_policy(models.policy)
    critique = episodes_of(blank, plain_model(models.sampler), reference, spread).critique
    assert critique is not None
    raw = [critique.advantages[i, :n].double() for i, n in enumerate(LENGTHS)]
    scored = range(1, len(PROMPTS))
    shares = [WEIGHTS[i] if population == "kept" else 1.0 for i in scored]
    values = np.concatenate([raw[i].numpy() for i in scored])
    counts = np.repeat(shares, [LENGTHS[i] for i in scored])
    mean = float(np.average(values, weights=counts))
    deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=counts)))
    surrogate, divergences = {}, {}
    for i, response in enumerate(RESPONSES):
        logs = log_probs(model, i)
        with torch.no_grad():
            old, other = at(log_probs(sampler, i), response), log_probs(reference, i)
        ratio = (at(logs, response) - old).exp()
        if WEIGHTS[i]:
            advantage = raw[i] - mean
            clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
            surrogate[i] = -torch.minimum(ratio * advantage, clipped * advantage)
        d = at(logs - other, response)
        own = (logs.exp() * (logs - other)).sum(-1) if form == "exact" else (-d).exp() - 1 + d
        divergences[i] = KL_WEIGHTS[i] * (ratio * own if form == "k3-corrected" else own)
    loss = mean_of_weighted(aggregation, WEIGHTS)(surrogate)
    (loss + COEFFICIENT * mean_of_all(aggregation)(divergences)).backward()
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return gradients, deviation


@pytest.mark.parametrize("aggregation", ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"])
@pytest.mark.parametrize(
    ("form", "population", "spread"),
    [("exact", "kept", 7.0), ("k3", "kept", 0.05), ("k3-corrected", "batch", 7.0)],
)
def test_a_kl_in_units_of_the_reward_has_the_gradient_of_the_objective_before_whitening(
    models: Models, form: Any, population: Any, spread: float, aggregation: Any
) -> None:
    """CVaR(R) − β·KL over σ: one direction, whatever σ is."""
    expected, deviation = critics_objective(models, spread, form, aggregation, population)
    arrays = {"weights": WEIGHTS, "kl_weights": KL_WEIGHTS}
    found, figures = run(
        models,
        arrays,
        entropy=0.0,
        spread=spread,
        kl_form=form,
        kl_unit="reward",
        aggregation=aggregation,
        whiten=population,
    )
    assert figures["advantage_deviation"] == pytest.approx(deviation, rel=1e-4)
    compare(found, {name: gradient / deviation for name, gradient in expected.items()})
    assert figures["clip_fraction"] > 0.05


def test_with_equal_advantages_a_kl_in_units_of_the_reward_is_finite(models: Models) -> None:
    """Whitening's own least deviation, 1e-4, stands in σ's place; the KL alone is left."""
    arrays = {"weights": WEIGHTS, "kl_weights": KL_WEIGHTS}
    found, figures = run(models, arrays, entropy=0.0, spread=0.0, kl_unit="reward")
    assert figures["advantage_deviation"] == pytest.approx(1e-4, rel=1e-4)
    # Rounding of the mean of 2.0, over that deviation.
    assert figures["loss_policy"] == pytest.approx(0, abs=1e-2)
    alone, _ = run(models, {"kl_weights": KL_WEIGHTS}, entropy=0.0)
    compare(found, {name: 1e4 * gradient for name, gradient in alone.items()})


def test_signed_advantages_are_in_units_of_the_reward_as_they_are(models: Models) -> None:
    ways = [run(models, BOTH, entropy=0.0, kl_unit=unit) for unit in ("advantage", "reward")]
    (plain, figures), (scaled, others) = ways
    assert figures == others
    assert "advantage_deviation" not in figures
    for name, gradient in plain.items():
        torch.testing.assert_close(scaled[name], gradient, rtol=0, atol=0)


def test_adapters_get_the_gradients_of_the_weights_they_change(
    models: Models, tmp_path: Path
) -> None:
    """W = W₀ + s·BA: ∂L/∂B = s·∂L/∂W·Aᵀ and ∂L/∂A = s·Bᵀ·∂L/∂W; the reference is W₀."""
    lora = adapter(2, alpha=3)
    policy = make_policy(
        models.policy, policy__adapter=lora, rollout__temperature=SAMPLING["temperature"]
    )
    torch.manual_seed(6)
    with torch.no_grad():
        for parameter in policy.parameters.values():
            parameter.add_(0.05 * torch.randn_like(parameter))
    export_policy(policy, tmp_path)
    merged = Models(tmp_path, reference=models.policy, sampler=models.sampler)
    expected = plain_loss(merged, BOTH, "exact", "token-mean", ENTROPY)
    found, figures = run(merged, BOTH, entropy=ENTROPY, policy=policy)
    for name, loss in expected.losses.items():
        assert figures[name] == pytest.approx(loss, rel=1e-4, abs=1e-6), name
    factors = {n: p.detach().double() for n, p in policy.parameters.items() if ".lora_" in n}
    assert factors.keys() == found.keys()
    wanted: dict[str, Tensor] = {}
    for name in factors:
        base, letter = name.removesuffix(".default.weight").rsplit(".lora_", 1)
        whole = 1.5 * expected.gradients[f"{base}.weight"]
        if "c_" in base:  # GPT-2 holds its matrices the other way round
            whole = whole.T
        other = factors[name.replace(f"lora_{letter}", "lora_B" if letter == "A" else "lora_A")]
        wanted[name] = other.T @ whole if letter == "A" else whole @ other.T
    compare(found, wanted)
