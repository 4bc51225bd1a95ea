"""Options of fine-tuning: packing, completions alone, epochs, schedules, early stopping, LoRA."""

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from averse_worker.data.examples import Completion, Conversation
from averse_worker.data.supervision import IGNORED, supervise
from averse_worker.store.export import export_policy
from averse_worker.training.course import Course, EarlyStopping
from averse_worker.training.packing import PackedCollator, pack
from averse_worker.training.sft import fine_tune, held_out_loss
from averse_worker.training.supervised import steps_of
from averse_worker.wire.errors import InputError
from payloads import adapter, sft_payload
from tiny_models import WORDS, make_policy, no_report, write_policy, write_tokenizer

TEXTS = [" ".join(WORDS[i : i + 2 + i % 5]) for i in range(24)]
CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def test_a_prompt_is_no_part_of_the_loss_and_its_tokens_are_its_own(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(tmp_path)
    examples = [Completion("the film", " was very good"), Completion("the fil", "m was bad")]
    rows = supervise(tokenizer, examples, 64, completion_only=True)
    for example, row in zip(examples, rows, strict=True):
        prompt = tokenizer(example.prompt).input_ids
        assert row.tokens[: len(prompt)] == prompt
        assert row.labels == [IGNORED] * len(prompt) + row.tokens[len(prompt) :]
        assert tokenizer.decode(row.tokens[1:-1]) == example.prompt + example.completion
        assert row.tokens[-1] == tokenizer.eos_token_id
    whole = supervise(tokenizer, examples, 64, completion_only=False)
    assert [row.labels for row in whole] == [row.tokens for row in rows]
    cut = supervise(tokenizer, examples[:1], 3, completion_only=True)
    assert cut == [] or cut[0].counted > 0


def test_of_a_conversation_only_the_assistant_is_learned(tmp_path: Path) -> None:
    controls = ("<|user|>", "<|assistant|>", "<|end|>")
    tokenizer = write_tokenizer(tmp_path, controls)
    tokenizer.chat_template = CHAT
    said = [("user", "it was"), ("assistant", "good"), ("user", "never"), ("assistant", "so bad")]
    talk = Conversation([{"role": role, "content": text} for role, text in said])
    [row] = supervise(tokenizer, [talk], 64, completion_only=True)
    whole = tokenizer.apply_chat_template(list(talk.messages), tokenize=False)
    assert tokenizer.decode(row.tokens) == whole
    learned = [token for token in row.labels if token != IGNORED]
    assert tokenizer.decode(learned) == "good<|end|>so bad<|end|>"


def test_a_template_that_rewrites_what_was_said_is_refused(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(tmp_path)
    talk = Conversation([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])
    with pytest.raises(InputError, match="no chat template"):
        supervise(tokenizer, [talk], 64, completion_only=True)
    tokenizer.chat_template = (
        "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    with pytest.raises(InputError, match="writes earlier messages differently"):
        supervise(tokenizer, [talk], 64, completion_only=True)


def test_completions_of_plain_texts_are_refused(tmp_path: Path) -> None:
    policy = make_policy(write_policy(tmp_path, "gpt2"))
    with pytest.raises(InputError, match="24 of 24 rows are plain texts") as caught:
        fine_tune(policy, TEXTS, sft_payload(completion_only=True), no_report)
    assert caught.value.key == "sft.completion_only"


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_packed_rows_have_the_loss_of_the_texts_one_by_one(tmp_path: Path, family: str) -> None:
    policy = make_policy(write_policy(tmp_path, family))
    examples = [Completion(" ".join(WORDS[i : i + 2]), f" {WORDS[i]} so") for i in range(9)]
    rows = supervise(policy.tokenizer, examples, 20, completion_only=True)
    table = Dataset.from_dict(
        {"input_ids": [r.tokens for r in rows], "labels": [r.labels for r in rows]}
    )
    packed = pack(table, 20)
    assert len(packed) < len(rows)
    assert all(len(row["input_ids"]) <= 20 for row in packed)
    batch = PackedCollator(policy.pad_token)(list(packed))
    model = policy.actor.causal
    with torch.no_grad():
        logits = model(
            input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False
        ).logits[:, :-1]
    labels = batch["labels"][:, 1:]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    assert int((labels != IGNORED).sum()) == sum(row.counted for row in rows)
    alone = held_out_loss(model, rows, policy.pad_token, policy.device, 4)
    assert float(loss) == pytest.approx(alone, rel=1e-5)
    written_out = []
    for row in rows:
        with torch.no_grad():
            logs = model(input_ids=torch.tensor([row.tokens])).logits[0].log_softmax(-1)
        written_out += [
            -float(logs[t, token]) for t, token in enumerate(row.labels[1:]) if token != IGNORED
        ]
    assert alone == pytest.approx(math.fsum(written_out) / len(written_out), rel=1e-5)


def test_a_model_without_positions_cannot_be_packed(tmp_path: Path) -> None:
    policy = make_policy(write_policy(tmp_path, "bloom"))
    with pytest.raises(InputError, match="see each other") as caught:
        fine_tune(policy, TEXTS, sft_payload(packing=True), no_report)
    assert caught.value.key == "sft.packing"


def test_packing_learns_and_prints_nothing(
    language_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    policy = make_policy(language_model)
    capfd.readouterr()
    settings = sft_payload(
        packing=True, steps=None, epochs=4, max_tokens=48, batch=2, learning_rate=1e-2
    )
    found = fine_tune(policy, TEXTS, settings, no_report)
    assert found.loss_last < found.loss_first
    assert found.steps < steps_of(len(TEXTS), steps=None, epochs=4, batch=2)
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.0, 0.5, 1.0, 1.0, 1.0, 1.0]),
        ("linear", [0.0, 0.5, 1.0, 0.75, 0.5, 0.25]),
        ("cosine", [0.0, 0.5, *(0.5 * (1 + math.cos(math.pi * i / 4)) for i in range(4))]),
    ],
)
def test_the_learning_rate_follows_its_schedule(
    language_model: Path, schedule: Any, expected: list[float]
) -> None:
    settings = sft_payload(
        steps=None, epochs=1, batch=4, warmup=1 / 3, learning_rate_decay=schedule
    )
    found = fine_tune(make_policy(language_model), TEXTS, settings, no_report)
    assert [point.step for point in found.curve] == [1, 2, 3, 4, 5, 6]
    rates = [point.learning_rate / settings.learning_rate for point in found.curve]
    assert rates == pytest.approx(expected)
    assert found.loss_first == found.curve[0].loss
    assert found.loss_last == found.curve[-1].loss


def test_it_stops_where_the_held_out_loss_no_longer_falls_and_keeps_the_best(
    language_model: Path,
) -> None:
    """On one text over and over, texts of another kind get worse."""
    policy = make_policy(language_model)
    learned, other = ["good " * 8] * 8, ["she hated the cold plot and left it"] * 3
    settings = sft_payload(
        steps=60, learning_rate=1e-2, held_out_every=2, early_stopping=3, max_tokens=24
    )
    found = fine_tune(policy, learned, settings, no_report, other)
    measured = [(p.step, p.held_out) for p in found.curve if p.held_out is not None]
    best = min(measured, key=lambda one: one[1])
    assert found.steps == best[0] + 2 * 3 < 60
    assert found.kept_step == best[0]
    rows = supervise(policy.tokenizer, other, 24, completion_only=False)
    now = held_out_loss(policy.actor.causal, rows, policy.pad_token, policy.device, 4)
    assert now == pytest.approx(best[1], rel=1e-6)


def test_measuring_the_held_out_loss_changes_nothing(language_model: Path) -> None:
    def weights(**changes: Any) -> dict[str, torch.Tensor]:
        policy = make_policy(language_model)
        fine_tune(policy, TEXTS, sft_payload(steps=6, **changes), no_report, TEXTS[:3])
        return {n: p.detach().clone() for n, p in policy.parameters.items()}

    plain, watched = weights(), weights(held_out_every=2)
    assert all(plain[name].equal(watched[name]) for name in plain)


def test_a_held_out_loss_without_texts_is_refused(language_model: Path) -> None:
    with pytest.raises(InputError, match="no test row is of the good class") as caught:
        fine_tune(make_policy(language_model), TEXTS, sft_payload(held_out_every=1), no_report)
    assert caught.value.key == "sft.held_out_every"


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_the_exported_model_is_the_adapters_forward_pass(tmp_path: Path, family: str) -> None:
    policy = make_policy(
        write_policy(tmp_path / "model", family),
        policy__adapter=adapter(3, alpha=12, dropout=0.1),
    )
    fine_tune(policy, TEXTS, sft_payload(steps=8, learning_rate=2e-2), no_report)
    tokens = torch.tensor([policy.tokenizer(TEXTS[3]).input_ids])
    with torch.no_grad():
        own = policy.actor.causal(input_ids=tokens).logits
        with policy.adapter.disable_adapter():  # type: ignore[union-attr]
            base = policy.actor.causal(input_ids=tokens).logits
    (tmp_path / "merged").mkdir()
    export_policy(policy, tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    with torch.no_grad():
        torch.testing.assert_close(merged(input_ids=tokens).logits, own, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(own, base, atol=1e-2)


def test_an_adapter_is_on_the_modules_that_are_named(language_model: Path) -> None:
    policy = make_policy(language_model, policy__adapter=adapter(2, targets=["c_attn"]))
    names = [name for name in policy.parameters if "lora" in name]
    assert names
    assert all("c_attn" in name for name in names)


@given(
    losses=st.lists(st.integers(0, 6).map(float), min_size=1, max_size=30),
    patience=st.integers(0, 4),
)
def test_early_stopping_waits_for_so_many_misses_after_the_best(
    losses: list[float], patience: int
) -> None:
    stopping = EarlyStopping(patience)
    seen = []
    for loss in losses:
        improved = stopping.improves(loss)
        assert improved == (not seen or loss < min(seen))
        seen.append(loss)
        assert stopping.best == min(seen)
        if stopping.stopped:
            break
    since_best = len(seen) - 1 - seen.index(min(seen))
    assert stopping.stopped == (patience > 0 and since_best >= patience)
    if patience:
        assert since_best <= patience
    else:
        assert seen == losses


@given(steps=st.integers(1, 1500), every=st.integers(0, 50))
def test_a_course_keeps_the_mean_loss_in_few_points(steps: int, every: int) -> None:
    course = Course(steps)
    for step in range(1, steps + 1):
        course.add(float(step), 1e-3)
        if every and step % every == 0 and step <= 40 * every:
            course.measured(step, -float(step))
    points = course.points()
    assert len(points) <= 201 + 40
    ends = [0, *(point.step for point in points)]
    assert ends == sorted(set(ends))
    assert ends[-1] == steps
    whole = sum(p.loss * (p.step - start) for p, start in zip(points, ends, strict=False))
    assert whole == pytest.approx(steps * (steps + 1) / 2)
    assert {p.step for p in points if p.held_out is not None} == {
        step for step in range(1, steps + 1) if every and step % every == 0 and step <= 40 * every
    }


def test_fine_tuning_takes_steps_or_epochs() -> None:
    from averse_worker.wire.limits import check_sft

    for steps, epochs in ((3, 1.0), (None, None)):
        payload = msgspec.structs.replace(sft_payload(), steps=steps, epochs=epochs)
        with pytest.raises(InputError, match="both steps and epochs, or neither"):
            check_sft(payload)
    with pytest.raises(InputError, match="never measured"):
        check_sft(sft_payload(early_stopping=2))
