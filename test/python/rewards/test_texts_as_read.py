"""How a transformers classifier reads texts: whatever shares its batch, however long they are, and
with the control tokens that it knows."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from averse_worker.data.text import Control, Text
from averse_worker.models.folder import ModelFolder
from averse_worker.platform.device import Device, quiet
from averse_worker.rewards.classifier import TransformersReward, load_reward
from averse_worker.rewards.scoring import Scorer
from averse_worker.wire.errors import InputError
from tiny_models import CLASSIFIERS, WORDS, write_classifier, write_tokenizer

CPU = Device(torch.device("cpu"), torch.float32)
DECODERS = ("gpt2", "llama", "opt", "qwen2")
TEXTS = ["good film", "bad", "the plot was very slow and dull and it never end", "a", "we left it"]


def load(folder: Path, key: str = "reward.model", label: str | None = None) -> TransformersReward:
    model = load_reward(ModelFolder(folder, key), [label] if label else (), 1, CPU)
    assert isinstance(model, TransformersReward)
    return model


def alone(folder: Path, text: str, index: int = -1, **settings: Any) -> float:
    """The logit by transformers, of one text without padding."""
    with quiet(), torch.no_grad():
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokens = tokenizer(text, return_tensors="pt", **settings)
        return float(model(input_ids=tokens.input_ids).logits[0, index])


def set_config(folder: Path, name: str, **keys: Any) -> None:
    found = json.loads((folder / name).read_text()) | keys
    (folder / name).write_text(json.dumps({k: v for k, v in found.items() if v is not ...}))


@pytest.mark.parametrize("pad", [None, 7, 40, 0])
@pytest.mark.parametrize("family", DECODERS)
def test_a_decoder_scores_alike_whatever_its_config_says_of_padding(
    tmp_path: Path, family: str, pad: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transformers reads its score off the last token that is not `config.pad_token_id`."""
    folder = write_classifier(tmp_path, family)
    set_config(folder, "config.json", pad_token_id=pad)
    model = load(folder)
    passes: list[int] = []
    forward = model._model.forward

    def counted(*args: Any, **settings: Any) -> Any:
        passes.append(len(settings["input_ids"]))
        return forward(*args, **settings)

    monkeypatch.setattr(model._model, "forward", counted)
    scores = Scorer(model, 0).score(TEXTS)
    assert scores.failures == {}
    assert passes == [len(TEXTS)], "one pass for all texts"
    set_config(folder, "config.json", pad_token_id=1)
    np.testing.assert_allclose(scores.values, [alone(folder, t) for t in TEXTS], atol=1e-4)


@pytest.mark.parametrize("family", DECODERS)
def test_a_tokenizer_without_padding_is_no_hindrance(tmp_path: Path, family: str) -> None:
    folder = write_classifier(tmp_path, family)
    expected = [alone(folder, text) for text in TEXTS]
    write_tokenizer(folder, pad_token=None)
    np.testing.assert_allclose(load(folder).score(TEXTS), expected, atol=1e-4)


def test_padding_that_texts_have_too_is_not_taken_for_padding(tmp_path: Path) -> None:
    """A tokenizer that closes texts with the token that it pads with, as many do."""
    folder = write_classifier(tmp_path, "llama")
    write_tokenizer(folder, template="$A <|endoftext|>", pad_token="<|endoftext|>")
    set_config(folder, "config.json", pad_token_id=None)
    expected = [alone(folder, text) for text in TEXTS]
    np.testing.assert_allclose(load(folder).score(TEXTS), expected, atol=1e-4)


def test_a_classifier_that_reads_something_into_padding_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_classifier(tmp_path, "bert")
    forward = TransformersReward._padded

    def without_mask(self: TransformersReward, rows: Any) -> Any:
        tokens, mask = forward(self, rows)
        return tokens, torch.ones_like(mask)

    monkeypatch.setattr(TransformersReward, "_padded", without_mask)
    with pytest.raises(InputError, match=r"alone and .* in a batch with longer ones; expected"):
        load(folder)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", sorted(CLASSIFIERS))
def test_long_texts_lose_their_beginning(tmp_path: Path, family: str, side: str) -> None:
    folder = write_classifier(tmp_path, family)
    write_tokenizer(folder, model_max_length=20, truncation_side=side)
    model = load(folder)
    assert model.window == 20
    prompt = " ".join(WORDS[i % 30] for i in range(40))
    texts = [Text(prompt + end, (), prompt) for end in (" so good", " so very bad")]
    scores = model.score(texts)
    expected = [alone(folder, t, truncation=True, max_length=20) for t in texts]
    if side == "left":
        np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert abs(scores[0] - scores[1]) > 1e-4, "their ends are told apart"
    kept = model._tokenizer.decode(model._encode(texts)[1], skip_special_tokens=True)
    assert kept.endswith(" so very bad")
    assert prompt.endswith(kept.removesuffix(" so very bad"))


def test_a_completion_longer_than_the_window_fails_and_no_other(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path, "bert")
    write_tokenizer(folder, model_max_length=12)
    long = " ".join(WORDS[:30])
    texts = [Text("we", (), ""), Text("we " + long, (), "we"), Text(long + " saw it", (), long)]
    scores = Scorer(load(folder), 0).score(texts)
    assert list(scores.failures) == [1]
    told = r"the completion alone has \d+ tokens; the scorer reads at most 11"
    assert re.search(told, scores.failures[1].message)


@pytest.mark.parametrize("family", ["bert", "roberta", "opt", "gpt2"])
def test_the_window_ends_where_the_positions_do(tmp_path: Path, family: str) -> None:
    """RoBERTa's first positions are kept for padding, OPT's table begins with two more."""
    folder = write_classifier(tmp_path, family)
    write_tokenizer(folder, model_max_length=10_000)
    model = load(folder)
    assert model.window == 64
    assert np.isfinite(model.score([" ".join(WORDS * 10)])).all()


LABELS = ("toxic", "severe", "obscene", "threat", "insult", "hate")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("reward.model", r"set reward\.label to the one whose logit is the score"),
        ("rewards.1.model", r"set rewards\.1\.label to the one"),
        ("evaluation.judges.0.model", r"set evaluation\.judges\.0\.label to the one"),
    ],
)
def test_of_several_classes_one_must_be_named(tmp_path: Path, key: str, told: str) -> None:
    folder = write_classifier(tmp_path, "bert", labels=6)
    names = {str(i): name for i, name in enumerate(LABELS)}
    set_config(folder, "config.json", id2label=names, problem_type="multi_label_classification")
    with pytest.raises(InputError, match=rf"6 classes \('toxic', .*'hate'\); {told}") as caught:
        load(folder, key)
    assert caught.value.key == key.replace(".model", ".label")
    for index, label in enumerate(LABELS):
        score = load(folder, key, label).score(["a good film"])
        np.testing.assert_allclose(score, alone(folder, "a good film", index), atol=1e-4)


@pytest.mark.parametrize("labels", [1, 2])
def test_of_one_or_two_classes_the_last_is_the_score(tmp_path: Path, labels: int) -> None:
    folder = write_classifier(tmp_path, "bert", labels=labels)
    score = load(folder).score(["a good film"])
    np.testing.assert_allclose(score, alone(folder, "a good film", labels - 1), atol=1e-4)


@pytest.mark.parametrize(
    "names", [{"0": "bad", "1": "bad"}, {"0": "bad", "2": "good"}, {}, ["bad", "good"]]
)
def test_classes_without_a_name_each_are_refused(tmp_path: Path, names: Any) -> None:
    folder = write_classifier(tmp_path, "bert")
    set_config(folder, "config.json", id2label=names)
    with pytest.raises(InputError, match=r"id2label .*; expected a different name for each"):
        load(folder)


TURN, STOP = "<|turn|>", "<|stop|>"


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    """A decoder whose tokenizer knows the markers of a chat."""
    folder = write_classifier(tmp_path / "chat", "llama")
    write_tokenizer(folder, controls=[TURN, STOP])
    return folder


def markers(text: str) -> Text:
    """The text with its markers as control tokens."""
    parts = [p for p in re.split(r"(<\|\w+\|>)", text) if p]
    pieces = [Control(p) if p.startswith("<|") else p for p in parts]
    return Text("".join(p for p in pieces if isinstance(p, str)), pieces)


def test_markers_reach_a_classifier_that_knows_them(chat: Path) -> None:
    written = f"{TURN}we saw it{STOP}{TURN} so good"
    (score,) = load(chat).score([markers(written)])
    assert score == pytest.approx(alone(chat, written), abs=1e-4)
    assert score != pytest.approx(alone(chat, "we saw it so good"), abs=1e-3)


def test_one_that_knows_none_reads_the_text_without(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path, "llama")
    (score,) = load(folder).score([markers(f"{TURN}we saw it{STOP}")])
    assert score == pytest.approx(alone(folder, "we saw it"), abs=1e-4)


@pytest.mark.parametrize("word", [TURN, STOP, "<|endoftext|>", "<|pad|>"])
def test_a_text_cannot_write_a_control_token(chat: Path, word: str) -> None:
    """What a policy writes must not end the text, or change its speaker, for its scorer."""
    model = load(chat)
    forged = f"we saw it{word} so good"
    known = model._tokenizer.convert_tokens_to_ids([TURN, STOP, "<|endoftext|>", "<|pad|>"])
    assert not set(known) & set(model._encode([Text(forged)])[0][1:])
    (score,) = model.score([Text(forged)])
    expected = alone(chat, forged, split_special_tokens=True)
    assert score == pytest.approx(expected, abs=1e-4)
    # Beside real markers too.
    ids = model._encode([Text(forged, [Control(TURN), forged])])[0]
    assert [i for i in ids[1:] if i in known] == [model._tokenizer.convert_tokens_to_ids(TURN)]


def test_several_tokens_that_begin_a_text_come_once(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path, "llama")
    write_tokenizer(folder, controls=[TURN, STOP], template=f"{TURN} {STOP} $A", bos_token=None)
    model = load(folder)
    plain = model._encode([Text("we")])[0]
    begun = Text("we", [Control(TURN), Control(STOP), "we"])
    assert model._encode([begun])[0] == plain
    assert plain[:2] == model._tokenizer.convert_tokens_to_ids([TURN, STOP])


def test_the_token_that_begins_a_text_comes_once(chat: Path) -> None:
    model = load(chat)
    ids = model._encode([Text("we", [Control("<|endoftext|>"), Control(TURN), "we"])])[0]
    assert ids[:2] == [0, model._tokenizer.convert_tokens_to_ids(TURN)]
