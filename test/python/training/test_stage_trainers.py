"""The trainers of stages, each on a handful of texts with a tiny model."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from averse_worker.models.folder import ModelFolder
from averse_worker.models.fresh import (
    check_architecture,
    classifier_from,
    fresh_classifier,
    fresh_language_model,
    train_tokenizer,
)
from averse_worker.models.pretrained import load_pretrained
from averse_worker.platform.device import open_device
from averse_worker.rewards.classifier import TransformersReward, load_reward
from averse_worker.training.classifier import ClassSet, Labelled, train_classifier
from averse_worker.training.language_model import (
    language_rows,
    packed_table,
    save_model,
    train_language_model,
)
from averse_worker.training.reward_model import REWARD, Pair, train_reward_model
from averse_worker.training.stage import Trained, classifier_rows
from averse_worker.training.supervised import Plan
from averse_worker.wire.errors import Diverged, InputError, Interrupted
from averse_worker.wire.messages.stages import ArchitectureBase
from payloads import load_payload
from tiny_models import WORDS, no_report, write_classifier, write_policy

CPU = open_device(load_payload().backend)
GOOD = [f"{a} {b} {c}" for a in WORDS[:6] for b in ("good", "great", "fine") for c in WORDS[3:7]]
BAD = [f"{a} {b} {c}" for a in WORDS[:6] for b in ("bad", "dull", "awful") for c in WORDS[3:7]]
SHAPES = {
    family: ArchitectureBase(family=family, layers=2, width=32, heads=2, context=32, vocabulary=300)
    for family in ("gpt2", "llama", "distilbert")
}


def plan(steps: int = 12, **changes: Any) -> Callable[[int], Plan]:
    settings: dict[str, Any] = {
        "seed": 1,
        "steps": steps,
        "batch": 8,
        "learning_rate": 5e-3,
        "learning_rate_decay": "linear",
        "warmup": 0.1,
        "held_out_every": 0,
        "early_stopping": 0,
        "section": "stages.mine",
        "name": "the stage mine",
        "phase": "stage",
    }
    return lambda rows: Plan(**{**settings, **changes})


def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(GOOD + BAD, 300, 32)


def language_model(
    family: str = "gpt2", report: Any = no_report, **changes: Any
) -> tuple[Trained, Any, Any]:
    words = tokenizer()
    model = fresh_language_model(SHAPES[family], words, seed=3)
    texts = (GOOD[::2], GOOD[1::8])
    trained = train_language_model(
        model, words, texts, plan(**changes), 16, CPU, report, "stages.mine"
    )
    return trained, model, words


# ── tokenizers and new models ───────────────────────────────────────────────────────────────


def test_a_trained_tokenizer_writes_every_text_and_begins_each() -> None:
    words = tokenizer()
    assert len(words) == 300
    for text in (*GOOD[:3], "Ünbekannt 🙂 <|endoftext|>", ""):
        ids = words(text, split_special_tokens=True).input_ids
        assert ids[0] == words.bos_token_id == words.eos_token_id
        assert words.pad_token_id not in ids
        assert words.decode(ids[1:]) == text
    assert words.get_vocab() == tokenizer().get_vocab()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"heads": 3}, "base.heads"),
        ({"family": "llama", "width": 6}, "base.width"),
        ({"vocabulary": 100}, "base.vocabulary"),
        ({"family": "distilbert"}, "base.architecture"),
    ],
)
def test_shapes_that_no_model_has_are_refused(changes: dict[str, Any], key: str) -> None:
    shape: dict[str, Any] = {
        "family": "gpt2",
        "layers": 1,
        "width": 32,
        "heads": 2,
        "context": 32,
        "vocabulary": 300,
    }
    with pytest.raises(InputError) as caught:
        check_architecture(ArchitectureBase(**{**shape, **changes}), "base", language_model=True)
    assert caught.value.key == key


# ── language models ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_language_model_learns_and_loads(tmp_path: Path, family: str) -> None:
    before, _, _ = language_model(family, steps=1, learning_rate=0.0)
    trained, model, words = language_model(family, steps=60)
    perplexity = trained.figures["perplexity"]
    assert perplexity == pytest.approx(math.exp(trained.figures["held_out_loss"]))
    assert perplexity < 40 < before.figures["perplexity"]
    save_model(model, words, tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    texts = AutoTokenizer.from_pretrained(tmp_path)(GOOD[1], return_tensors="pt")
    with torch.no_grad():
        own = model(texts.input_ids, use_cache=False).logits
        torch.testing.assert_close(loaded(texts.input_ids).logits, own, atol=1e-4, rtol=1e-4)
    load_pretrained(ModelFolder(tmp_path, "policy.model"), "language model", torch.float32)


def test_a_language_model_is_a_function_of_its_seeds() -> None:
    weights = []
    for seed in (1, 1, 2):
        _, model, _ = language_model(seed=seed)
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert weights[0].equal(weights[1])
    assert not weights[0].equal(weights[2])


def test_long_texts_are_learned_in_pieces_and_each_ends_once() -> None:
    words = tokenizer()
    texts = [" ".join(GOOD[:9]), "a"]
    rows = language_rows(words, texts, 10)
    assert all(2 <= len(row.tokens) <= 10 for row in rows)
    whole = [token for row in rows for token in row.tokens]
    assert whole.count(words.eos_token_id) == 4, "a beginning and an end for each text"
    table = packed_table(rows, 10, packing=True)
    assert sorted(t for row in table for t in row["input_ids"]) == sorted(whole)
    assert sum(len(row["seq_lengths"]) for row in table) == len(rows)


def test_more_tokens_than_positions_are_refused() -> None:
    words = tokenizer()
    model = fresh_language_model(SHAPES["gpt2"], words, seed=3)
    with pytest.raises(InputError, match="max_tokens is 33, but its base has 32 positions"):
        train_language_model(model, words, (GOOD, []), plan(), 33, CPU, no_report, "stages.mine")


def test_progress_is_told_and_an_interrupt_stops_it() -> None:
    told: list[tuple[int, int]] = []

    def report(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
        if phase == "stage":
            told.append((done, total))
            if done == 5:
                raise Interrupted("on request")

    with pytest.raises(Interrupted):
        language_model(report=report)
    assert told == [(done, 12) for done in range(6)]


def test_a_stage_that_diverges_names_its_learning_rate() -> None:
    with pytest.raises(Diverged, match=r"the stage mine.*lower stages\.mine\.learning_rate"):
        language_model(learning_rate=1e30)


# ── classifiers ─────────────────────────────────────────────────────────────────────────────


def labelled() -> tuple[list[Labelled], list[Labelled]]:
    rows = [Labelled(t, ("good",)) for t in GOOD] + [Labelled(t, ("bad",)) for t in BAD]
    return rows[::2], rows[1::4]


@pytest.mark.parametrize("family", ["gpt2", "distilbert"])
def test_a_classifier_learns_its_labels_and_is_a_reward(tmp_path: Path, family: str) -> None:
    words, rows = tokenizer(), labelled()
    classes = ClassSet.of(rows[0], "stages.mine")
    assert classes.names == ("bad", "good")
    model = fresh_classifier(SHAPES[family], words, classes.names, classes.problem, seed=3)
    found = train_classifier(
        model, words, classes, rows, plan(60), 16, CPU, no_report, "stages.mine"
    )
    assert found.figures["accuracy"] > 0.9
    assert found.figures["auroc"] > 0.95
    assert 0 <= found.figures["calibration_error"] < 0.3
    save_model(model, words, tmp_path)
    config = AutoModelForSequenceClassification.from_pretrained(tmp_path).config
    assert config.id2label == {0: "bad", 1: "good"}
    reward = load_reward(ModelFolder(tmp_path, "reward.model"), ["good"], 1, CPU)
    assert isinstance(reward, TransformersReward)
    assert reward.score(GOOD[1:9]).min() > reward.score(BAD[1:9]).max()


def test_a_classifier_of_several_labels_says_each_by_itself() -> None:
    words = tokenizer()
    rows = [
        Labelled(f"{a} {b} film", tuple(name for name in (a, b) if name in ("good", "slow")), True)
        for a in ("good", "fine", "the") * 5
        for b in ("slow", "very", "so") * 2
    ]
    classes = ClassSet.of(rows, "stages.mine")
    assert (classes.names, classes.problem) == (("good", "slow"), "multi_label_classification")
    model = fresh_classifier(SHAPES["gpt2"], words, classes.names, classes.problem, seed=3)
    found = train_classifier(
        model, words, classes, (rows, rows[:9]), plan(60), 16, CPU, no_report, "stages.mine"
    )
    assert found.figures["accuracy"] > 0.9
    assert model.config.problem_type == "multi_label_classification"


def test_labels_are_in_the_order_of_numbers_and_names() -> None:
    def names(*labels: str) -> tuple[str, ...]:
        return ClassSet.of([Labelled("a", (label,)) for label in labels], "stages.x").names

    assert names("10", "2", "1") == ("1", "2", "10")
    assert names("b", "a", "3") == ("3", "a", "b")
    for labels in (("a",), ()):
        with pytest.raises(InputError, match="expected two or more"):
            names(*labels)
    both = [Labelled("a", ("x",)), Labelled("a", ("x",), multiple=True)]
    with pytest.raises(InputError, match="the same in every row"):
        ClassSet.of(both, "stages.x")
    classes = ClassSet.of([Labelled("a", ("x",)), Labelled("a", ("y",))], "stages.x")
    with pytest.raises(InputError, match="label 'z', which no training row has"):
        classes.targets([Labelled("a", ("z",))], "stages.x")


@pytest.mark.parametrize("family", ["gpt2", "llama", "distilbert"])
def test_a_classifier_begins_with_the_trunk_of_its_base(tmp_path: Path, family: str) -> None:
    writer = write_classifier if family == "distilbert" else write_policy
    folder = ModelFolder(writer(tmp_path, family), "stages.mine.base")
    model, words = classifier_from(folder, ("x", "y", "z"), "single_label_classification", seed=1)
    again, _ = classifier_from(folder, ("x", "y", "z"), "single_label_classification", seed=1)
    assert model.config.num_labels == 3
    auto = AutoModelForSequenceClassification if family == "distilbert" else AutoModelForCausalLM
    base = auto.from_pretrained(tmp_path)
    trunk = dict(base.base_model.named_parameters())
    for name, parameter in model.base_model.named_parameters():
        assert parameter.equal(trunk[name])
    pairs = zip(model.parameters(), again.parameters(), strict=True)
    assert all(one.equal(other) for one, other in pairs)
    assert model.config.pad_token_id == words.pad_token_id


def test_a_classifier_of_the_same_labels_keeps_its_head(tmp_path: Path) -> None:
    folder = ModelFolder(write_classifier(tmp_path, "bert", 2), "stages.mine.base")
    names = ("LABEL_0", "LABEL_1")
    model, _ = classifier_from(folder, names, "single_label_classification", seed=1)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert model.classifier.weight.equal(loaded.classifier.weight)


def test_texts_that_are_too_long_lose_their_beginning_and_keep_the_marker() -> None:
    words = tokenizer()
    [short, long] = classifier_rows(words, ["a", " ".join(GOOD[:8])], 6)
    assert short == words("a").input_ids
    assert len(long) == 6
    assert long[0] == words.bos_token_id
    assert " ".join(GOOD[:8]).endswith(words.decode(long[1:]).strip())
    assert words.truncation_side == "right"


# ── reward models ───────────────────────────────────────────────────────────────────────────


def pairs() -> tuple[list[Pair], list[Pair]]:
    found = [Pair(f"it {good}", f"it {bad}") for good, bad in zip(GOOD, BAD, strict=True)]
    return found[::2], found[1::4]


@pytest.mark.parametrize("family", ["gpt2", "distilbert"])
def test_a_reward_model_prefers_what_was_chosen(tmp_path: Path, family: str) -> None:
    words = tokenizer()
    model = fresh_classifier(SHAPES[family], words, (REWARD,), "regression", seed=3)
    found = train_reward_model(
        model, words, pairs(), plan(60, held_out_every=20), 16, CPU, no_report
    )
    assert found.figures["accuracy"] > 0.9
    assert found.figures["held_out_loss"] < math.log(2)
    measured = [p.held_out for p in found.learned.course.points() if p.held_out is not None]
    assert measured[-1] == pytest.approx(found.figures["held_out_loss"], rel=1e-4)
    save_model(model, words, tmp_path)
    reward = load_reward(ModelFolder(tmp_path, "reward.model"), [], 1, CPU)
    better = reward.score([pair.chosen for pair in pairs()[1]])
    assert float(np.mean(better > reward.score([pair.rejected for pair in pairs()[1]]))) > 0.9


def test_the_loss_is_bradley_terrys() -> None:
    """Of the first step, whose weights are those of a model made alike."""
    words, [train, _] = tokenizer(), pairs()
    model = fresh_classifier(SHAPES["gpt2"], words, (REWARD,), "regression", seed=3)
    found = train_reward_model(
        model, words, (train[:8], []), plan(1, learning_rate=0.0), 16, CPU, no_report
    )
    same = fresh_classifier(SHAPES["gpt2"], words, (REWARD,), "regression", seed=3).eval()
    terms = []
    for pair in train[:8]:
        with torch.no_grad():
            chosen, rejected = (
                float(same(torch.tensor([words(text).input_ids])).logits)
                for text in (pair.chosen, pair.rejected)
            )
        terms.append(math.log1p(math.exp(rejected - chosen)))
    assert found.learned.course.losses == [pytest.approx(np.mean(terms), rel=1e-4)]
    assert found.figures == {}
