"""Stages of the torch engine, from data files to models that a run loads."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from transformers import AutoConfig

from averse_worker.data.sources import read_data
from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.training.reward_model import _rows
from averse_worker.training.stage_rows import preference_pairs
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.data import DataSource
from averse_worker.wire.messages.stages import TrainStageResult
from payloads import classifier, data_source, load_payload, rollout_payload, stage_payload
from tiny_models import WORDS, no_report, write_tokenizer

SHAPE: dict[str, Any] = {
    "kind": "architecture",
    "family": "gpt2",
    "layers": 1,
    "width": 16,
    "heads": 1,
    "context": 32,
    "vocabulary": 300,
}
GOOD, BAD = ("good", "great", "warm"), ("bad", "dull", "cold")


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    lines = ["id\ttweet\tsubtask_a"]
    for i in range(40):
        word = (GOOD if i % 2 else BAD)[i % 3]
        lines.append(
            f"{i}\t{WORDS[i % 30]} {word} {WORDS[(3 * i) % 30]}\t{'NOT' if i % 2 else 'OFF'}"
        )
    path = tmp_path / "tweets.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def options(**changes: Any) -> dict[str, Any]:
    settings = {
        "steps": 40,
        "epochs": None,
        "batch": 8,
        "learning_rate": 1e-2,
        "learning_rate_decay": "cosine",
        "warmup": 0.1,
        "max_tokens": 24,
        "held_out_every": 0,
        "early_stopping": 0,
    }
    return settings | changes


def train(folder: Path, **changes: Any) -> TrainStageResult:
    folder.mkdir()
    fields = {"base": SHAPE, "options": options(), **changes}
    return TorchEngine().train_stage(stage_payload(folder, **fields), no_report)


def labelled(path: Path, **changes: Any) -> dict[str, Any]:
    columns = {"text": "tweet", "label": "subtask_a"}
    return data_source(str(path), **{"columns": columns, **changes})


def test_a_language_model_and_a_classifier_on_it_make_a_run(tmp_path: Path, tweets: Path) -> None:
    data = labelled(tweets)
    model = train(
        tmp_path / "lm",
        kind="language_model",
        data=data_source(str(tweets), columns={"text": "tweet"}),
    )
    assert model.figures["perplexity"] < 300
    base = {
        "kind": "model",
        "model": str(tmp_path / "lm"),
        "revision": None,
        "trust_remote_code": False,
    }
    found = train(tmp_path / "reward", kind="classifier", base=base, data=data)
    assert found.digests.base == model.files
    assert found.figures.keys() >= {"accuracy", "auroc", "calibration_error", "held_out_loss"}
    config = AutoConfig.from_pretrained(tmp_path / "reward")
    assert config.id2label == {0: "NOT", 1: "OFF"}
    engine = TorchEngine()
    scorer = classifier(str(tmp_path / "reward"), labels=["OFF"], sign=-1)
    engine.load(
        load_payload(
            policy__model=str(tmp_path / "lm"),
            rewards__0__scorer=scorer,
            data__source=data_source(str(tweets), columns={"text": "tweet"}),
        ),
        no_report,
    )
    assert len(engine.rollout(rollout_payload([0, 1, 2]), no_report).reward) == 4 * 3


def test_rows_with_a_list_of_labels_make_a_classifier_of_several(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [
        {"text": f"{WORDS[i]} {WORDS[i + 1]}", "label": [n for n in ("a", "film") if n in WORDS[i]]}
        for i in range(30)
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    train(
        tmp_path / "model", kind="classifier", data=data_source(str(path)), options=options(steps=3)
    )
    config = AutoConfig.from_pretrained(tmp_path / "model")
    assert config.problem_type == "multi_label_classification"
    assert list(config.id2label.values()) == ["a", "film"]


def test_a_rule_makes_a_classifier_of_good_and_bad(tmp_path: Path, tweets: Path) -> None:
    rule = {
        "column": "subtask_a",
        "values": ["NOT"],
        "not_values": None,
        "below": None,
        "above": None,
    }
    data = data_source(str(tweets), columns={"text": "tweet"}, good=rule)
    found = train(tmp_path / "model", kind="classifier", data=data, options=options(steps=3))
    assert AutoConfig.from_pretrained(tmp_path / "model").id2label == {0: "bad", 1: "good"}
    assert found.figures["accuracy"] <= 1


@pytest.mark.parametrize("spoken", [False, True], ids=["texts", "messages"])
def test_a_reward_model_of_preferences(tmp_path: Path, spoken: bool) -> None:
    def said(text: str) -> Any:
        return [{"role": "assistant", "content": text}] if spoken else f" {text}"

    rows = []
    for i in range(40):
        prompt = f"the {WORDS[i % 30]} was"
        rows.append(
            {
                "prompt": [{"role": "user", "content": prompt}] if spoken else prompt,
                "chosen": said(GOOD[i % 3]),
                "rejected": said(BAD[i % 3]),
            }
        )
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    found = train(tmp_path / "model", kind="reward_model", data=data_source(str(path)))
    assert found.figures["accuracy"] > 0.7
    assert AutoConfig.from_pretrained(tmp_path / "model").num_labels == 1


def test_the_digest_follows_the_rows_and_not_where_they_lie(tmp_path: Path, tweets: Path) -> None:
    def digest(path: Path, **changes: Any) -> str:
        payload = stage_payload(
            base=SHAPE, kind="classifier", options=options(), data=labelled(path, **changes)
        )
        return TorchEngine().describe_stage(payload, no_report).digest

    moved = tmp_path / "elsewhere.tsv"
    shutil.copy(tweets, moved)
    one = digest(tweets)
    assert digest(moved) == one
    assert digest(tweets, seed=5) != one, "the split is another"
    moved.write_text(moved.read_text().replace("\tOFF", "\tRUDE", 1))
    assert digest(moved) != one


def test_the_digest_follows_the_file_of_the_chat_template(tmp_path: Path) -> None:
    pair = {
        "prompt": [{"role": "user", "content": "the film was"}],
        "chosen": [{"role": "assistant", "content": "good"}],
        "rejected": [{"role": "assistant", "content": "bad"}],
    }
    path, template = tmp_path / "pairs.jsonl", tmp_path / "chat.jinja"
    rows = [pair, pair | {"prompt": [{"role": "user", "content": "a plot"}]}]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")

    def digest(written: str) -> str:
        template.write_text(written, encoding="utf-8")
        source = data_source(str(path), template=str(template))
        payload = stage_payload(base=SHAPE, kind="reward_model", options=options(), data=source)
        return TorchEngine().describe_stage(payload, no_report).digest

    one = digest("{% for m in messages %}{{ m.content }}{% endfor %}")
    assert digest("{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}") != one
    assert digest("{% for m in messages %}{{ m.content }}{% endfor %}") == one


@pytest.mark.parametrize("form", ["text", "prompted"])
def test_a_reward_model_learns_the_tokens_that_it_scores(tmp_path: Path, form: str) -> None:
    """Markers of a ready-made prompt are control tokens, those of running texts are words."""
    tokenizer = write_tokenizer(tmp_path, controls=["<|turn|>"])
    written = {"prompt": "<|turn|>we", "chosen": " saw it", "rejected": " left"}
    pair = written if form == "prompted" else {"chosen": "<|turn|>we saw it", "rejected": "we left"}
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join([json.dumps(pair)] * 2) + "\n", encoding="utf-8")
    place = {"kind": "pair", "train": str(path), "test": str(path)}
    source = msgspec.convert(data_source(place=place), DataSource)
    [found, _] = preference_pairs(read_data(source, use="preferences"), "train", tokenizer, "data")
    [[chosen], [_]] = _rows(tokenizer, [found], 64)
    (marker,) = tokenizer.convert_tokens_to_ids(["<|turn|>"])
    assert (marker in chosen) == (form == "prompted")
    markers = form == "prompted"
    assert chosen == tokenizer("<|turn|>we saw it", split_special_tokens=not markers).input_ids


def test_rows_without_a_label_are_refused(tmp_path: Path, tweets: Path) -> None:
    with pytest.raises(InputError) as caught:
        train(
            tmp_path / "model",
            kind="classifier",
            data=data_source(str(tweets), columns={"text": "tweet"}),
        )
    assert caught.value.key == "stages.mine.data.columns"
    assert "tweets.tsv:" in caught.value.message
    assert list((tmp_path / "model").iterdir()) == []
