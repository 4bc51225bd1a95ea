"""Reward models of each kind, and the transforms."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from averse_worker.models.folder import ModelFolder, builtin_model, find_model
from averse_worker.platform.device import Device
from averse_worker.rewards.classifier import load_reward
from averse_worker.rewards.contract import RewardModel
from averse_worker.rewards.transform import RewardTransform
from averse_worker.wire.errors import InputError, Interrupted, MissingEnvironment
from payloads import load_payload
from tiny_models import no_report, write_tokenizer

CPU = Device(torch.device("cpu"), torch.float32)
TEXTS = ["good film", "bad", "the plot was very slow and dull and it never end", "", "a"]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    write_tokenizer(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=320,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        pad_token_id=1,
        initializer_range=0.5,
        id2label={0: "toxic", 1: "harmless"},
        label2id={"toxic": 0, "harmless": 1},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def load(folder: Path, label: str | None = None, sign: int = 1) -> RewardModel:
    return load_reward(ModelFolder(folder, "reward.model"), [label] if label else (), sign, CPU)


def test_a_transformers_classifier_answers_one_class_with_a_sign(classifier: Path) -> None:
    harmless = load(classifier).score(TEXTS)
    np.testing.assert_array_equal(load(classifier, "harmless").score(TEXTS), harmless)
    toxic = load(classifier, "toxic").score(TEXTS)
    np.testing.assert_array_equal(load(classifier, "toxic", -1).score(TEXTS), -toxic)
    assert harmless.dtype == np.float32
    assert np.abs(harmless - toxic).max() > 0.01


def test_scores_do_not_depend_on_the_batch(classifier: Path) -> None:
    model = load(classifier)
    together = model.score(TEXTS * 30)
    for text, score in zip(TEXTS, together, strict=False):
        np.testing.assert_allclose(model.score([text]), score, atol=1e-5)


def test_an_unknown_label_is_answered_with_the_known_ones(classifier: Path) -> None:
    with pytest.raises(InputError, match="'nice'; its labels are 'toxic', 'harmless'") as caught:
        load(classifier, "nice")
    assert caught.value.key == "reward.label"


def test_a_language_model_is_no_reward_model(language_model: Path) -> None:
    with pytest.raises(InputError, match=r"GPT2LMHeadModel.*expected a …ForSequenceClass"):
        load(language_model)


def test_the_builtin_classifier_loads_with_its_sign() -> None:
    folder = builtin_model("reward", "reward.model")
    assert folder.digests()
    plus = load(folder.path).score(["a great and moving film", "an awful, dull mess"])
    np.testing.assert_array_equal(load(folder.path, None, -1).score(["a dull mess"]).shape, (1,))
    assert plus[0] > 0 > plus[1]
    with pytest.raises(InputError, match="has no label 'nice'"):
        load(folder.path, "nice")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    for made, told in (
        (None, "no config.json"),
        ("{", "cannot be read as JSON"),
        ("[]", "holds a list"),
    ):
        if made is not None:
            (tmp_path / "config.json").write_text(made)
        with pytest.raises(InputError, match=told) as caught:
            load(tmp_path)
        assert str(tmp_path) in caught.value.message
    (tmp_path / "config.json").write_text('{"architectures": ["BertForSequenceClassification"]}')
    with pytest.raises(InputError, match="safetensors"):
        load(tmp_path)
    with pytest.raises(InputError, match="no such folder on this machine"):
        find_model(
            str(tmp_path / "nowhere"),
            "reward.model",
            no_report,
            revision=None,
            trust_remote_code=False,
        )


def test_a_hub_that_cannot_be_reached_is_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingEnvironment, match="averse/no-such-model"):
        find_model(
            "averse/no-such-model",
            "reward.model",
            no_report,
            revision=None,
            trust_remote_code=False,
        )
    with pytest.raises(InputError, match="no such model on the Hugging Face Hub"):
        find_model(
            "no such model", "reward.model", no_report, revision=None, trust_remote_code=False
        )


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "607a30d"])
def test_code_from_the_hub_runs_at_a_commit_alone(revision: str | None) -> None:
    with pytest.raises(
        InputError, match=r"with trust_remote_code; set reward.revision to the full hash"
    ) as e:
        find_model(
            "averse/with-code", "reward.model", no_report, revision=revision, trust_remote_code=True
        )
    assert e.value.key == "reward.revision"


def test_a_commit_is_what_the_hub_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []

    def download(model: str, **settings: Any) -> str:
        asked.append((model, settings["revision"], "*.py" in settings["allow_patterns"]))
        return str(tmp_path)

    monkeypatch.setattr("averse_worker.models.folder.snapshot_download", download)
    commit = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
    for revision, trusted in ((commit, True), ("v1.0", False), (None, False)):
        folder = find_model(
            "averse/m", "reward.model", no_report, revision=revision, trust_remote_code=trusted
        )
        assert folder.trust_remote_code == trusted
    assert asked == [
        ("averse/m", commit, True),
        ("averse/m", "v1.0", False),
        ("averse/m", None, False),
    ]


def test_a_folder_has_no_revision(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"is a folder and has no revisions, but policy.revision is 'v1'"
    ):
        find_model(str(tmp_path), "policy.model", no_report, revision="v1", trust_remote_code=False)


def test_a_download_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    release = threading.Event()

    def report(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
        told.append((phase, unit))
        if len(told) == 2:
            raise Interrupted("on request")

    monkeypatch.setattr(
        "averse_worker.models.folder.snapshot_download", lambda *_, **__: release.wait(60)
    )
    with pytest.raises(Interrupted):
        find_model("averse/slow", "reward.model", report, revision=None, trust_remote_code=False)
    release.set()
    assert set(told) == {("download", "seconds")}


@pytest.mark.parametrize(
    ("transform", "scale", "expected"),
    [
        ("identity", 1, [-60.0, -1.0, 0.0, 2.0]),
        ("clip", 1.5, [-1.5, -1.0, 0.0, 1.5]),
        ("log-sigmoid", 2, [-120.0, -2.626523, -1.386294, -0.253856]),
    ],
)
def test_transforms(transform: Any, scale: float, expected: list[float]) -> None:
    raw = np.array([-60, -1, 0, 2], dtype=np.float32)
    zeros = np.zeros(4, dtype=np.float32)
    for baseline in ("none", "prompt"):
        payload = load_payload(
            rewards__0__transform=transform, rewards__0__scale=scale, rewards__0__baseline=baseline
        )
        found = RewardTransform(payload.rewards[0])(raw, zeros)
        offset = expected[2] if baseline == "prompt" else 0.0
        np.testing.assert_allclose(found, np.array(expected) - offset, atol=1e-4)
