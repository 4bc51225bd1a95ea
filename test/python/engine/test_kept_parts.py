"""A second load takes over what it has in common with the first, and nothing else."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from averse_worker.engine.torch import loading
from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.wire.messages.load import LoadPayload
from payloads import (
    classifier,
    data_source,
    evaluate_payload,
    load_payload,
    rollout_payload,
    update_payload,
)
from tiny_models import no_report, write_classifier, write_data, write_language_model


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What loads have read anew, by name."""
    found: list[str] = []
    for name in ("read_data", "tokenise_prompts", "load_model", "load_policy"):
        monkeypatch.setattr(loading, name, noting(getattr(loading, name), name, found))
    return found


def noting(function: Any, name: str, found: list[str]) -> Any:
    def noted(*arguments: Any, **settings: Any) -> Any:
        found.append(name)
        return function(*arguments, **settings)

    return noted


def step_of(engine: TorchEngine, seed: int) -> list[Any]:
    """Figures of an iteration and an evaluation after it."""
    rollout = engine.rollout(rollout_payload([0, 1, 2], seed=seed), no_report)
    update = engine.update(update_payload(rollout.rollout, [1.0, 1.0, 0.0]), no_report)
    evaluated = engine.evaluate(evaluate_payload([0, 1]), no_report)
    return [
        rollout.reward,
        rollout.kl,
        rollout.return_,
        rollout.length,
        update.figures,
        evaluated.reward,
        evaluated.kl,
        torch.get_rng_state().tolist(),
    ]


def test_a_reused_engine_gives_the_figures_of_a_new_one_to_the_bit(
    torch_load: LoadPayload, tmp_path: Path
) -> None:
    folder = write_classifier(tmp_path / "reward", "bert")
    scorer = {"rewards__0__scorer": classifier(str(folder))}
    first = load_payload(torch_load, **scorer, seed=3, training__learning_rate=1e-2)
    second = load_payload(torch_load, **scorer, seed=4, rollout__temperature=0.7)
    reused = TorchEngine()
    reused.load(first, no_report)
    step_of(reused, 1)
    told = reused.load(second, no_report)
    fresh = TorchEngine()
    told_fresh = fresh.load(second, no_report)
    assert told.digests == told_fresh.digests
    assert told.train == told_fresh.train
    assert told.sft_digest == told_fresh.sft_digest
    assert told.model_settings == told_fresh.model_settings
    assert step_of(reused, 5) == step_of(fresh, 5)
    # The first load once more, after all that: nothing of the second is left in it.
    reused.load(first, no_report)
    again = TorchEngine()
    again.load(first, no_report)
    assert step_of(reused, 1) == step_of(again, 1)


def test_only_the_policy_is_read_again(torch_load: LoadPayload, read: list[str]) -> None:
    engine = TorchEngine()
    engine.load(torch_load, no_report)
    assert read == [
        "read_data",
        "load_policy",
        "tokenise_prompts",
        "tokenise_prompts",
        "load_model",
    ]
    read.clear()
    engine.load(load_payload(torch_load, seed=9, training__epochs=3), no_report)
    assert read == ["load_policy"]


def test_a_policy_elsewhere_with_the_same_tokenizer_keeps_the_prompts(
    torch_load: LoadPayload, read: list[str], tmp_path: Path
) -> None:
    other = write_language_model(tmp_path / "other", seed=5)
    engine = TorchEngine()
    engine.load(torch_load, no_report)
    read.clear()
    engine.load(load_payload(torch_load, policy__model=str(other)), no_report)
    assert read == ["load_policy"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"data__prompt_tokens": 3}, ["load_policy", "tokenise_prompts", "tokenise_prompts"]),
        ({"data__source__seed": 8}, ["read_data", "load_policy", *["tokenise_prompts"] * 2]),
        ({"rewards__0__scorer__sign": -1}, ["load_policy", "load_model"]),
        ({"backend__frozen_dtype": "bfloat16"}, ["load_policy", "load_model"]),
        ({"rewards__0__weight": 2}, ["load_policy"]),
    ],
)
def test_what_a_part_follows_from_makes_it_anew(
    torch_load: LoadPayload, read: list[str], change: dict[str, Any], expected: list[str]
) -> None:
    engine = TorchEngine()
    engine.load(torch_load, no_report)
    read.clear()
    engine.load(load_payload(torch_load, **change), no_report)
    assert read == expected


def test_files_that_have_changed_are_read_again(
    torch_load: LoadPayload, read: list[str], tmp_path: Path
) -> None:
    data = write_data(tmp_path / "data")
    reward = write_classifier(tmp_path / "reward", "bert")
    payload = load_payload(
        torch_load,
        data__source=data_source(str(data)),
        rewards__0__scorer=classifier(str(reward)),
    )
    engine = TorchEngine()
    before = engine.load(payload, no_report)
    read.clear()
    file = next(path for path in sorted(data.iterdir()) if "train" in path.name)
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(lines[1:]) + "\n", encoding="utf-8")
    after = engine.load(payload, no_report)
    assert read == ["read_data", "load_policy", "tokenise_prompts", "tokenise_prompts"]
    assert len(after.train.ids) == len(before.train.ids) - 4
    read.clear()
    stat = (reward / "model.safetensors").stat()
    os.utime(reward / "model.safetensors", ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    engine.load(payload, no_report)
    assert read == ["load_policy", "load_model"]


def test_a_load_that_fails_leaves_nothing_for_the_next(
    torch_load: LoadPayload, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = TorchEngine()
    engine.load(torch_load, no_report)
    with monkeypatch.context() as broken:

        def fail(*_: Any) -> Any:
            raise MemoryError

        broken.setattr(loading, "load_policy", fail)
        with pytest.raises(MemoryError):
            engine.load(torch_load, no_report)
    read.clear()
    engine.load(torch_load, no_report)
    assert read[0] == "read_data"
    assert "load_model" in read


def test_prompt_scores_are_not_taken_over(torch_load: LoadPayload) -> None:
    engine = TorchEngine()
    engine.load(torch_load, no_report)
    assert engine._loaded is not None
    engine._loaded.prompts["train"].scores[:] = 1.0
    engine.load(torch_load, no_report)
    assert np.isnan(engine._loaded.prompts["train"].scores).all()
