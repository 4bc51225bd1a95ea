"""Updates by signed advantages and KL weights, against autograd on transformers' own logits."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.kernels import log_probs as chunking
from averse_worker.models.language_model import LanguageModel
from averse_worker.models.policy import Policy
from averse_worker.rollout.collect import Critique, Episodes
from averse_worker.rollout.generate import Sampler, sample, uniforms
from averse_worker.training.ppo import Ppo
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.load import LoadTraining
from averse_worker.wire.messages.training import KlForm
from payloads import adapter, load_payload
from plain import at, next_token_log_probs, plain_model
from tiny_models import make_policy, update_once, write_language_model, write_policy

Aggregation = Literal["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"]
FORMS = ("exact", "k3", "k3-corrected")
AGGREGATIONS = ("token-mean", "seq-mean-token-sum", "seq-mean-token-mean")

PROMPTS = [[0, 40, 50, 60], [0, 70], [0, 33, 34], [0, 80, 81, 82], [9], [0, 90, 91]]
LENGTHS = [6, 5, 6, 4, 6, 3]
SAMPLING: dict[str, Any] = {"temperature": 0.8, "min_new_tokens": 2}
FORBIDDEN = (1, 320, 321, 322, 323)
ADVANTAGES = [1.5, -2.0, 0.0, 0.25, -0.5, 0.0]
KL_WEIGHTS = [1.0, 0.0, 2.0, 0.5, 0.0, 0.0]
"""The last episode has neither."""


def training(**changes: Any) -> LoadTraining:
    settings = {"epochs": 1, "minibatch": 8, "max_grad_norm": 1e9, **changes}
    return load_payload(**{f"training__{k}": v for k, v in settings.items()}).training


def drawn_episodes(policy: Policy, min_new_tokens: int = 0, failed: Sequence[int] = ()) -> Episodes:
    """Episodes of unlike lengths; where there is a critic, advantages of no meaning."""
    prompts = PaddedPrompts.of(PROMPTS, policy.pad_token, policy.device.torch_device)
    sampler = Sampler(max(LENGTHS), min_new_tokens)
    draws = uniforms(1, len(PROMPTS), sampler.new_tokens)
    drawn = sample(policy, prompts, draws, sampler, lambda done, total: None).responses
    lengths = torch.minimum(drawn.lengths, torch.tensor(LENGTHS))
    responses = Responses(drawn.tokens, lengths)
    with torch.no_grad():
        own = policy.evaluate(policy.model, prompts, responses, min_new_tokens).log_probs
        with policy.reference() as model:
            other = policy.evaluate(model, prompts, responses, min_new_tokens).log_probs
    lost = np.isin(np.arange(len(PROMPTS)), failed)
    critique = None
    if policy.model.value_head is not None:
        valid = responses.valid()
        advantages = valid * torch.linspace(-1, 1, valid.numel()).view(valid.shape)
        advantages[torch.from_numpy(lost)] = torch.nan
        zeros = torch.zeros(valid.shape)
        critique = Critique(zeros, zeros, advantages, 0.0)
    return Episodes(prompts, responses, own, other, critique, lost)


class Case:
    """A policy apart from its reference, episodes that it drew, and both as transformers' own."""

    def __init__(self, folder: Path, reference: Path, **changes: Any) -> None:
        settings = {"rollout__temperature": SAMPLING["temperature"], **changes}
        self.policy = make_policy(folder, reference, **settings)
        self.episodes = drawn_episodes(self.policy, SAMPLING["min_new_tokens"])
        self.plain = plain_model(folder, torch.float64)
        self.plain_reference = plain_model(reference, torch.float64)
        lengths = self.episodes.responses.lengths.tolist()
        assert len(set(lengths)) > 2, "all responses are of one length: a weak test"
        drawn = self.episodes.responses.tokens.tolist()
        self.responses = [row[:n] for row, n in zip(drawn, lengths, strict=True)]

    def logs(self, model: Any, i: int) -> Tensor:
        return next_token_log_probs(
            model, PROMPTS[i], self.responses[i], end=0, forbidden=FORBIDDEN, **SAMPLING
        )

    def mean(self, sums: list[Tensor], means: list[Tensor], aggregation: str) -> Tensor:
        """Of per-episode sums and means over tokens, over the whole rollout."""
        if aggregation == "seq-mean-token-mean":
            return sum(means) / len(PROMPTS)
        count = len(PROMPTS) if aggregation == "seq-mean-token-sum" else 0
        return sum(sums) / (count or sum(map(len, self.responses)))

    def policy_loss(self, old: list[Tensor], clip: float, aggregation: str) -> Tensor:
        """Σ −min(ρA, clip(ρ)A), the whole rollout's."""
        tokens = []
        for i, advantage in enumerate(ADVANTAGES):
            ratio = (at(self.logs(self.plain, i), self.responses[i]) - old[i]).exp()
            clipped = ratio.clamp(1 - clip, 1 + clip)
            tokens.append(-torch.minimum(ratio * advantage, clipped * advantage))
        return self.mean([t.sum() for t in tokens], [t.mean() for t in tokens], aggregation)

    def kl_tokens(self, i: int, form: str, old: list[Tensor] | None = None) -> Tensor:
        own, other = self.logs(self.plain, i), self.logs(self.plain_reference, i).detach()
        if form == "exact":
            return (own.exp() * (own - other)).sum(-1)
        d = at(own - other, self.responses[i])
        k3 = torch.exp(-d) - 1 + d
        if form == "k3":
            return k3
        chosen = at(own, self.responses[i])
        return k3 * (chosen - (chosen.detach() if old is None else old[i])).exp()

    def kl_loss(self, form: str, aggregation: str, old: list[Tensor] | None = None) -> Tensor:
        tokens = [k * self.kl_tokens(i, form, old) for i, k in enumerate(KL_WEIGHTS)]
        return self.mean([t.sum() for t in tokens], [t.mean() for t in tokens], aggregation)

    @torch.no_grad()
    def old(self) -> list[Tensor]:
        return [at(self.logs(self.plain, i), self.responses[i]) for i in range(len(PROMPTS))]


@pytest.fixture
def case(language_model: Path, tmp_path: Path) -> Case:
    return Case(language_model, write_language_model(tmp_path, seed=1), training__critic=False)


def gradients_are(policy: Policy, loss: Tensor, plain: Any) -> None:
    """The gradients left in the policy are those of the loss in the plain model."""
    loss.backward()
    expected = dict(plain.named_parameters())
    assert policy.parameters.keys() == expected.keys()
    largest = max(float(p.grad.abs().max()) for p in expected.values())
    assert largest > 1e-3
    for name, parameter in policy.parameters.items():
        found, wanted = parameter.grad, expected[name].grad
        assert found is not None, name
        torch.testing.assert_close(
            found.double(),
            wanted,
            rtol=2e-3,
            atol=2e-5 * largest,
            msg=lambda m, n=name: f"{n}: {m}",
        )


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_signed_advantages_give_the_gradient_of_reinforce(
    case: Case, aggregation: Aggregation
) -> None:
    """∇ = −Σ A_i Σ_t ∇log π(y_it), at the ratio of 1 that the first pass has."""
    ppo = Ppo(case.policy, training(learning_rate=0), SAMPLING["min_new_tokens"])
    told = update_once(ppo, case.episodes, advantages=ADVANTAGES, aggregation=aggregation)
    chosen = [at(case.logs(case.plain, i), case.responses[i]) for i in range(len(PROMPTS))]
    terms = [-advantage * logs for advantage, logs in zip(ADVANTAGES, chosen, strict=True)]
    loss = case.mean([t.sum() for t in terms], [t.mean() for t in terms], aggregation)
    gradients_are(case.policy, loss, case.plain)
    assert told.figures["clip_fraction"] == 0
    assert told.figures["approx_kl"] == pytest.approx(0, abs=1e-6)
    assert told.figures.keys().isdisjoint({"loss_value", "explained_variance", "loss_kl"})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_kl_weights_give_the_gradient_of_the_kl(
    case: Case, form: KlForm, aggregation: Aggregation
) -> None:
    ppo = Ppo(case.policy, training(learning_rate=0), SAMPLING["min_new_tokens"])
    told = update_once(
        ppo,
        case.episodes,
        kl_weights=KL_WEIGHTS,
        kl_form=form,
        kl_coefficient=0.7,
        aggregation=aggregation,
    )
    loss = 0.7 * case.kl_loss(form, aggregation)
    assert told.figures["loss_kl"] == pytest.approx(loss.item(), rel=1e-4)
    shares = np.array(KL_WEIGHTS) / np.sum(KL_WEIGHTS)
    sums = [case.kl_tokens(i, form).sum().item() for i in range(len(PROMPTS))]
    assert told.figures["kl_estimate"] == pytest.approx(shares @ sums, rel=1e-4)
    assert told.figures.keys() == {"loss_kl", "kl_estimate", "grad_norm"}
    gradients_are(case.policy, loss, case.plain)


@pytest.mark.parametrize("form", FORMS)
def test_a_scaled_head_has_the_gradient_of_the_kl_too(
    tmp_path: Path, form: KlForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gemma 2 caps its logits after the head, so that its own forward pass has to run."""
    monkeypatch.setattr(chunking, "_CHUNK_LOGITS", 4 * 324)
    monkeypatch.setattr(chunking, "_CHUNK_ROWS_CPU", 1)
    one = write_policy(tmp_path / "one", "gemma2", seed=0)
    other = write_policy(tmp_path / "other", "gemma2", seed=1)
    case = Case(one, other, training__critic=False)
    ppo = Ppo(case.policy, training(learning_rate=0), SAMPLING["min_new_tokens"])
    update_once(ppo, case.episodes, kl_weights=KL_WEIGHTS, kl_form=form)
    gradients_are(case.policy, case.kl_loss(form, "token-mean"), case.plain)


@pytest.mark.parametrize("form", FORMS)
def test_later_passes_are_clipped_and_drawn_back_as_in_a_plain_loop(
    case: Case, form: KlForm
) -> None:
    """Four epochs of one step each, signed advantages and a KL loss in one, by torch's AdamW."""
    clip, coefficient, epochs = 0.05, 0.3, 4
    settings = training(epochs=epochs, learning_rate=2e-3, clip_ratio=clip)
    before = {n: p.detach().clone() for n, p in case.policy.parameters.items()}
    told = update_once(
        Ppo(case.policy, settings, SAMPLING["min_new_tokens"]),
        case.episodes,
        advantages=ADVANTAGES,
        kl_weights=KL_WEIGHTS,
        kl_form=form,
        kl_coefficient=coefficient,
    )
    optimizer = torch.optim.AdamW(case.plain.parameters(), lr=2e-3, weight_decay=0.0, foreach=False)
    old, losses = case.old(), []
    for _ in range(epochs):
        loss = case.policy_loss(old, clip, "token-mean")
        kl = coefficient * case.kl_loss(form, "token-mean", old)
        losses.append((loss.item(), kl.item()))
        optimizer.zero_grad()
        (loss + kl).backward()
        optimizer.step()
    assert told.gradient_steps == epochs
    assert 0.1 < told.figures["clip_fraction"] < 0.9
    policy_loss, kl_loss = np.mean(losses, axis=0)
    assert told.figures["loss_policy"] == pytest.approx(policy_loss, rel=1e-3, abs=1e-5)
    assert told.figures["loss_kl"] == pytest.approx(kl_loss, rel=1e-3)
    for name, parameter in case.plain.named_parameters():
        found = case.policy.parameters[name].detach().double() - before[name]
        expected = parameter.detach() - before[name].double()
        if name.endswith("c_attn.bias"):
            # A key's bias shifts all scores alike: its gradient is rounding, which Adam enlarges.
            found, expected = (x.view(3, -1)[[0, 2]] for x in (found, expected))
        assert float((found - expected).norm() / expected.norm()) < 2e-3, name


def watch_passes(policy: Policy, spy: pytest.MonkeyPatch) -> tuple[list[int], list[int]]:
    """Episodes of every pass through the trunk of the policy, and of the reference."""

    def watch(model: LanguageModel) -> list[int]:
        seen: list[int] = []
        hidden = model.hidden

        def counting(tokens: Tensor, *rest: Any, **named: Any) -> Tensor:
            seen.append(tokens.shape[0])
            return hidden(tokens, *rest, **named)

        spy.setattr(model, "hidden", counting)
        return seen

    with policy.reference() as reference:
        return watch(policy.actor), watch(reference.language_model)


@pytest.mark.parametrize("form", FORMS)
def test_what_has_none_of_the_three_costs_no_pass(
    case: Case, form: KlForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, reference = watch_passes(case.policy, monkeypatch)
    ppo = Ppo(case.policy, training(epochs=3), SAMPLING["min_new_tokens"])
    arrays = {"advantages": ADVANTAGES, "kl_weights": KL_WEIGHTS, "kl_form": form}
    told = update_once(ppo, case.episodes, **arrays)
    assert own == [5, 5, 5]
    # The exact KL reads the reference once for all epochs, where it counts; k3 has its
    # log-probabilities from the rollout.
    assert reference == ([3] if form == "exact" else [])
    taking = [i for i in range(6) if ADVANTAGES[i] or KL_WEIGHTS[i]]
    assert told.tokens == 3 * sum(len(case.responses[i]) for i in taking)


def test_no_array_of_all_logits_is_made_for_the_kl(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of the policy's nor of the reference's, forward or back."""
    vocabulary, tokens = 324, sum(map(len, case.responses))
    monkeypatch.setattr(chunking, "_CHUNK_LOGITS", 4 * vocabulary)
    monkeypatch.setattr(chunking, "_CHUNK_ROWS_CPU", 1)
    rows: list[int] = []
    apply = chunking.TokenRule.apply

    def watched(self: chunking.TokenRule, logits: Tensor, early: Tensor | None) -> Tensor:
        rows.append(logits.shape[0])
        return apply(self, logits, early)

    monkeypatch.setattr(chunking.TokenRule, "apply", watched)
    ppo = Ppo(case.policy, training(), SAMPLING["min_new_tokens"])
    update_once(ppo, case.episodes, kl_weights=[1] * len(PROMPTS))
    assert max(rows) == 4
    # Each row once for the policy and once for the reference.
    assert sum(rows) == 2 * tokens


@pytest.mark.parametrize("kept", [[1, 0, 0, 0, 0, 0], [1, -1, 0, 0, 0, 0], [1, -1, 2, 1, 1, 0.5]])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_set_number_of_steps_estimates_the_whole_loss_at_each(
    case: Case, kept: list[float], steps: int
) -> None:
    """With no learning rate, their mean is the loss wherever all come equally often."""
    ppo = Ppo(case.policy, training(learning_rate=0, epochs=2), SAMPLING["min_new_tokens"])
    told = update_once(ppo, case.episodes, advantages=kept, steps=steps)
    assert told.gradient_steps == 2 * steps
    count = np.count_nonzero(kept)
    if steps <= count or steps % count == 0:
        terms = [a * len(r) for a, r in zip(kept, case.responses, strict=True)]
        expected = -sum(terms) / sum(map(len, case.responses))
        assert told.figures["loss_policy"] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_without_a_critic_there_is_no_value_head(case: Case) -> None:
    assert case.policy.model.value_head is None
    assert not any(name.startswith("value_head") for name in case.policy.parameters)
    assert case.episodes.critique is None
    ppo = Ppo(case.policy, training(), SAMPLING["min_new_tokens"])
    assert len(ppo.descent.optimizer.param_groups) == 1
    update_once(ppo, case.episodes, advantages=ADVANTAGES)
    assert {key.partition("|")[0] for key in ppo.state()} == set(case.policy.parameters)


def test_an_episode_without_a_reward_can_have_a_kl(language_model: Path) -> None:
    """Its advantages are NaN, and none of it reaches the loss."""
    policy = make_policy(language_model)
    with torch.no_grad():
        for parameter in policy.actor.causal.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    episodes = drawn_episodes(policy, 0, failed=(3,))
    weights = [1.0, 1.0, 0.0, 0.0, 1.0, 2.0]
    told = update_once(Ppo(policy, training(), 0), episodes, weights, kl_weights=[0, 0, 0, 1, 0, 0])
    assert all(math.isfinite(value) for value in told.figures.values())
    assert told.figures["kl_estimate"] > 0


@pytest.mark.parametrize("rank", [0, 2])
def test_the_exact_kl_of_an_adapter_is_to_the_model_below_it(
    language_model: Path, rank: int
) -> None:
    policy = make_policy(language_model, policy__adapter=adapter(rank))
    episodes = drawn_episodes(policy, 0)
    ppo = Ppo(policy, training(learning_rate=1e-2, epochs=2), 0)
    update_once(ppo, episodes, advantages=ADVANTAGES)
    with torch.no_grad():
        own = policy.evaluate(policy.model, episodes.prompts, episodes.responses, 0)
        with policy.reference() as model:
            other = policy.evaluate(model, episodes.prompts, episodes.responses, 0)
    assert not torch.allclose(own.log_probs, other.log_probs, atol=1e-2)
    told = update_once(Ppo(policy, training(learning_rate=0), 0), episodes, kl_weights=[1.0] * 6)
    assert told.figures["kl_estimate"] > 1e-3


def test_an_adapter_on_the_head_cannot_have_the_exact_kl(tmp_path: Path) -> None:
    adapted = adapter(2, targets=["lm_head", "q_proj"])
    policy = make_policy(write_policy(tmp_path, "llama"), policy__adapter=adapted)
    ppo, episodes = Ppo(policy, training(), 0), drawn_episodes(policy)
    with pytest.raises(InputError, match="output layer") as caught:
        update_once(ppo, episodes, kl_weights=[1.0] * 6)
    assert caught.value.key == "policy.lora_targets"
    assert update_once(ppo, episodes, kl_weights=[1.0] * 6, kl_form="k3").gradient_steps == 1
