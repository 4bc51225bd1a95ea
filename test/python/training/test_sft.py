"""Supervised fine-tuning: what it learns from, and that it leaves nothing behind."""

import tempfile
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from averse_worker.data.tokenise import tokenise_texts
from averse_worker.training.sft import fine_tune
from averse_worker.wire.errors import Diverged, InputError, Interrupted
from averse_worker.wire.messages.training import SftPayload
from payloads import adapter, sft_payload
from tiny_models import WORDS, make_policy, no_report, write_tokenizer

TEXTS = [" ".join(WORDS[i : i + 4]) for i in range(12)]


def payload(steps: int = 12, rate: float = 2e-2, seed: int = 1, max_tokens: int = 24) -> SftPayload:
    return sft_payload(seed=seed, steps=steps, batch=4, learning_rate=rate, max_tokens=max_tokens)


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_it_lowers_the_loss_and_becomes_the_reference(
    language_model: Path, rank: int, dtype: str
) -> None:
    policy = make_policy(language_model, policy__adapter=adapter(rank), backend__dtype=dtype)
    told: list[tuple[str, int, int]] = []
    found = fine_tune(
        policy,
        TEXTS,
        payload(),
        lambda phase, done, total, unit, loss=None: told.append((phase, done, total)),
    )
    assert found.loss_last < found.loss_first
    assert told[2] == ("sft", 0, 12)
    assert told[-1] == ("sft", 12, 12)
    assert not policy.actor.causal.training
    policy.become_reference()
    assert "forward" not in vars(policy.actor.causal), "mixed precision left its wrapper"
    assert all(p.grad is None for p in policy.parameters.values())
    tokens = torch.tensor([[0, 40, 41, 42]])
    places = torch.arange(4)[None]
    with torch.no_grad():
        own = policy.actor.hidden(tokens, places, None, keep=4)
        with policy.reference() as reference:
            assert reference.language_model.hidden(tokens, places, None, keep=4).equal(own)


def test_it_leaves_no_files_and_prints_nothing(
    language_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    policy = make_policy(language_model)
    capfd.readouterr()
    seen: list[str] = []

    def report(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
        if phase == "sft":
            seen.extend(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))

    fine_tune(policy, TEXTS, payload(steps=2), report)
    # What a worker that is killed now would leave: the controller removes this folder.
    assert seen == [seen[0]] * 3
    assert seen[0].startswith("averse-sft-")
    assert list(tmp_path.iterdir()) == []
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


def test_an_interrupt_stops_it(language_model: Path) -> None:
    def report(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
        if done == 2:
            raise Interrupted("on request")

    with pytest.raises(Interrupted):
        fine_tune(make_policy(language_model), TEXTS, payload(), report)


def test_a_loss_that_is_not_finite_is_told(language_model: Path) -> None:
    policy = make_policy(language_model)
    with torch.no_grad():
        policy.actor.causal.transformer.wte.weight[0, 0] = torch.nan
    with pytest.raises(Diverged, match=r"sft.learning_rate"):
        fine_tune(policy, TEXTS, payload(), no_report)


@pytest.mark.parametrize("at", [1, 3])
def test_a_gradient_that_diverged_is_not_applied(language_model: Path, at: int) -> None:
    policy = make_policy(language_model)
    causal = policy.actor.causal
    name, parameter = next((n, p) for n, p in causal.named_parameters() if "c_attn" in n)
    states: list[dict[str, torch.Tensor]] = []

    def spoil(gradient: torch.Tensor) -> torch.Tensor | None:
        states.append({n: p.detach().clone() for n, p in causal.named_parameters()})
        return torch.full_like(gradient, torch.inf) if len(states) == at else None

    parameter.register_hook(spoil)
    with pytest.raises(Diverged, match=rf"{name} .* at step {at} of .* sft\.learning_rate"):
        fine_tune(policy, TEXTS, payload(), no_report)
    assert all(p.equal(states[-1][n]) for n, p in causal.named_parameters())


def test_what_the_trainer_writes_into_the_config_is_taken_back(language_model: Path) -> None:
    policy = make_policy(language_model)
    before = policy.actor.causal.config.to_dict()
    generation = policy.actor.causal.generation_config.to_dict()
    fine_tune(policy, TEXTS, payload(steps=2), no_report)
    assert policy.actor.causal.config.to_dict() == before
    assert policy.actor.causal.generation_config.to_dict() == generation


def test_texts_longer_than_the_context_are_refused(language_model: Path) -> None:
    policy = make_policy(language_model)
    with pytest.raises(InputError, match=r"sft.max_tokens is 65, .* has 64 positions") as caught:
        fine_tune(policy, ["very good " * 100], payload(max_tokens=65), no_report)
    assert caught.value.key == "sft.max_tokens"
    fine_tune(policy, ["very good " * 100], payload(steps=1, max_tokens=64), no_report)


def test_no_good_texts_is_told(language_model: Path) -> None:
    with pytest.raises(InputError, match='"label": "good"'):
        fine_tune(make_policy(language_model), [], payload(), no_report)


def test_texts_end_where_they_end(tmp_path: Path) -> None:
    tokenizer: PreTrainedTokenizerFast = write_tokenizer(tmp_path)
    whole, cut = tokenise_texts(tokenizer, ["a", "the film was very good"], 5)
    assert whole[0] == whole[-1] == tokenizer.eos_token_id
    assert len(cut) == 5
    assert cut[-1] != tokenizer.eos_token_id


def test_the_loss_is_told_while_it_trains(language_model: Path) -> None:
    told: list[float] = []

    def report(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
        if phase == "sft" and loss is not None:
            told.append(loss)

    result = fine_tune(make_policy(language_model), TEXTS, payload(steps=3), report)
    # The loss of a step is known only after its report.
    assert told[0] == pytest.approx(result.loss_first)
    assert len(told) == 2
