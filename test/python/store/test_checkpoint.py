"""Checkpoints with LoRA, an average and fine-tuning; the contract suite has the plain case."""

import json
import pickle
import random
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.base import float32_array, uint32_array
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import (
    ExportPayload,
    RestorePayload,
    SavePayload,
    UpdateResult,
)
from payloads import (
    adapter,
    evaluate_payload,
    load_payload,
    rollout_payload,
    score_payload,
    sft_payload,
    update_payload,
)
from tiny_models import no_report

SFT = sft_payload(seed=2, steps=3, batch=4, learning_rate=1e-2, max_tokens=16)


def engine_with(load: LoadPayload, **changes: Any) -> TorchEngine:
    engine = TorchEngine()
    train = uint32_array(engine.load(load_payload(load, **changes), no_report).train.ids)
    if load_payload(load, **changes).training.prefix_baseline:
        engine.score_prompts(score_payload(train), no_report)
    return engine


def learn(engine: TorchEngine, seed: int) -> tuple[bytes, UpdateResult]:
    rollout = engine.rollout(rollout_payload(np.arange(6), seed=seed), no_report)
    weights = [1.0, 0.0, 2.0, 1.0, 0.0, 1.0]
    return rollout.return_, engine.update(update_payload(rollout.rollout, weights), no_report)


def plain(result: UpdateResult) -> dict[str, Any]:
    skipped = ("seconds", "memory_bytes", "gpu")
    return {f: getattr(result, f) for f in result.__struct_fields__ if f not in skipped}


def reward_of(engine: TorchEngine, **changes: Any) -> bytes:
    return engine.evaluate(evaluate_payload(np.arange(8), **changes), no_report).reward


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("tuned", [False, True])
def test_a_run_goes_on_bit_for_bit(
    torch_load: LoadPayload, tmp_path: Path, rank: int, tuned: bool
) -> None:
    settings = {"policy__adapter": adapter(rank), "training__ema_decay": 0.5}
    first = engine_with(torch_load, **settings)
    if tuned:
        first.sft(SFT, no_report)
    learn(first, 1)
    saved = first.save(SavePayload(path=str(tmp_path)), no_report)
    assert ("reference.safetensors" in saved.files) == tuned
    expected = [learn(first, seed) for seed in (2, 3)]
    second = engine_with(torch_load, **settings)
    second.restore(RestorePayload(path=str(tmp_path)), no_report)
    for seed, (returns, update) in zip((2, 3), expected, strict=True):
        returns_again, update_again = learn(second, seed)
        assert returns_again == returns
        assert plain(update_again) == plain(update)
    assert reward_of(second, weights="ema") == reward_of(first, weights="ema")


@pytest.mark.parametrize("rank", [0, 2])
def test_a_run_that_was_taken_up_ends_in_the_same_files(
    torch_load: LoadPayload, tmp_path: Path, rank: int
) -> None:
    """Average, prefix baseline and a falling learning rate: all that an arm can switch on."""
    settings = {
        "policy__adapter": adapter(rank),
        "training__ema_decay": 0.8,
        "training__prefix_baseline": True,
        "training__learning_rate": 1e-3,
    }
    iterations = 5

    def run(engine: TorchEngine, first: int, last: int) -> list[Any]:
        told = []
        for m in range(first, last):
            rollout = engine.rollout(rollout_payload(np.arange(6), seed=m), no_report)
            factor = 1 - m / iterations
            payload = update_payload(rollout.rollout, [1, 0, 1, 1, 0, 1], seed=m)
            payload = msgspec.structs.replace(payload, learning_rate_factor=factor)
            told.append((rollout.return_, rollout.lambda_return))
            told.append(plain(engine.update(payload, no_report)))
        return told

    def exported(engine: TorchEngine, name: str) -> Any:
        (tmp_path / name).mkdir()
        payload = ExportPayload(path=str(tmp_path / name), weights="ema")
        return engine.export(payload, no_report).files

    straight = engine_with(torch_load, **settings)
    run(straight, 0, 2)
    (tmp_path / "checkpoint").mkdir()
    straight.save(SavePayload(path=str(tmp_path / "checkpoint")), no_report)
    expected = run(straight, 2, iterations)
    resumed = engine_with(torch_load, **settings)
    resumed.restore(RestorePayload(path=str(tmp_path / "checkpoint")), no_report)
    assert run(resumed, 2, iterations) == expected
    assert exported(resumed, "resumed") == exported(straight, "straight")
    # The checkpoints at the end are the same files, too: the next resume starts from equals.
    digests = []
    for name, engine in (("one", straight), ("other", resumed)):
        (tmp_path / name).mkdir()
        saved = engine.save(SavePayload(path=str(tmp_path / name)), no_report).files
        digests.append({file: saved[file] for file in saved if file != "random.json"})
    assert digests[0] == digests[1]


@pytest.mark.parametrize("rank", [0, 2])
def test_a_model_that_was_just_fine_tuned_is_taken_up(
    torch_load: LoadPayload, tmp_path: Path, rank: int
) -> None:
    settings = {"policy__adapter": adapter(rank)}
    straight = engine_with(torch_load, **settings)
    straight.sft(SFT, no_report)
    for name in ("checkpoint", "straight", "resumed"):
        (tmp_path / name).mkdir()
    straight.save(SavePayload(path=str(tmp_path / "checkpoint")), no_report)
    resumed = engine_with(torch_load, **settings)
    assert reward_of(resumed) != reward_of(straight)
    resumed.restore(RestorePayload(path=str(tmp_path / "checkpoint")), no_report)
    results = []
    for name, engine in (("straight", straight), ("resumed", resumed)):
        payload = evaluate_payload(np.arange(8), figures=["perplexity"], samples=[0, 5])
        judged = engine.evaluate(payload, no_report)
        export = ExportPayload(path=str(tmp_path / name), weights="current")
        files = engine.export(export, no_report).files
        results.append(
            (judged.reward, judged.kl, judged.figures["perplexity"], judged.samples, files)
        )
    assert results[0] == results[1]


def test_what_draws_globally_goes_on_as_if_it_had_not_stopped(
    torch_load: LoadPayload, tmp_path: Path
) -> None:
    def draws() -> list[float]:
        return [
            random.random(),
            random.gauss(0, 1),
            float(np.random.standard_normal()),
            float(np.random.rand()),
            float(torch.randn(1)),
        ]

    engine = engine_with(torch_load)
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    draws()  # leaves half a pair of normal numbers behind in two of them
    engine.save(SavePayload(path=str(tmp_path)), no_report)
    expected = draws()
    random.seed(6)
    np.random.seed(6)
    torch.manual_seed(6)
    engine.restore(RestorePayload(path=str(tmp_path)), no_report)
    assert draws() == expected


def spoiled(content: bytes, how: str) -> bytes | None:
    match how:
        case "missing":
            return None
        case "empty":
            return b""
        case "cut":
            return content[: len(content) // 2]
        case "a pickle":
            return pickle.dumps({"weights": [1.0]})
        case _:
            return b'{"format": 4}'


FILES = [f"{name}.safetensors" for name in ("weights", "optimizer", "average", "reference")]


@pytest.mark.parametrize("how", ["missing", "empty", "cut", "a pickle", "another JSON"])
def test_a_damaged_file_is_named_and_nothing_is_changed(
    torch_load: LoadPayload, tmp_path: Path, how: str
) -> None:
    engine = engine_with(torch_load, training__ema_decay=0.5)
    engine.sft(SFT, no_report)
    learn(engine, 1)
    engine.save(SavePayload(path=str(tmp_path)), no_report)
    learn(engine, 2)
    rewards = [reward_of(engine), reward_of(engine, weights="ema")]
    for name in [*FILES, "random.json", "state.json"]:
        path = tmp_path / name
        whole = path.read_bytes()
        content = spoiled(whole, how)
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(InputError, match=re.escape(str(path))) as caught:
            engine.restore(RestorePayload(path=str(tmp_path)), no_report)
        assert "use another" in caught.value.message
        path.write_bytes(whole)
    assert [reward_of(engine), reward_of(engine, weights="ema")] == rewards
    engine.restore(RestorePayload(path=str(tmp_path)), no_report)


def test_a_random_state_of_another_kind_is_refused(torch_load: LoadPayload, tmp_path: Path) -> None:
    engine = engine_with(torch_load)
    engine.save(SavePayload(path=str(tmp_path)), no_report)
    path = tmp_path / "random.json"
    state = json.loads(path.read_text())
    for part, wrong in (
        ("python", {**state["python"], "words": [1, 2, 3]}),
        ("numpy", {**state["numpy"], "words": [-1] * 624}),
        ("torch_cpu", "abcd"),
        ("torch_cpu", "no hexadecimal"),
    ):
        path.write_text(json.dumps({**state, part: wrong}))
        with pytest.raises(InputError, match=r"random\.json"):
            engine.restore(RestorePayload(path=str(tmp_path)), no_report)


def test_moments_of_another_model_are_refused(torch_load: LoadPayload, tmp_path: Path) -> None:
    engine = engine_with(torch_load)
    learn(engine, 1)
    engine.save(SavePayload(path=str(tmp_path)), no_report)
    path = tmp_path / "optimizer.safetensors"
    moments = load_file(path)
    for changed in (
        {**moments, "elsewhere.weight|exp_avg": torch.zeros(2)},
        {**moments, "value_head.bias|exp_avg": torch.zeros(2)},
    ):
        save_file(changed, path)
        with pytest.raises(InputError, match=r"optimizer\.safetensors: is of another model"):
            engine.restore(RestorePayload(path=str(tmp_path)), no_report)


def test_restoring_what_was_before_fine_tuning_undoes_it(
    torch_load: LoadPayload, tmp_path: Path
) -> None:
    engine = engine_with(torch_load)
    learn(engine, 1)
    engine.save(SavePayload(path=str(tmp_path)), no_report)
    before = learn(engine, 2)[0]
    engine.sft(SFT, no_report)
    assert learn(engine, 2)[0] != before
    engine.restore(RestorePayload(path=str(tmp_path)), no_report)
    assert learn(engine, 2)[0] == before


def test_lora_keeps_checkpoints_small(torch_load: LoadPayload, tmp_path: Path) -> None:
    engine = engine_with(torch_load, policy__adapter=adapter(2))
    learn(engine, 1)
    engine.save(SavePayload(path=str(tmp_path)), no_report)
    names = set(load_file(tmp_path / "weights.safetensors"))
    assert all("lora_" in name or name.startswith("value_head.") for name in names)
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}


def test_an_export_has_lora_merged_and_leaves_the_policy_alone(
    torch_load: LoadPayload, tmp_path: Path
) -> None:
    engine = engine_with(torch_load, policy__adapter=adapter(2), training__learning_rate=1e-2)
    learn(engine, 1)
    reward = reward_of(engine)
    engine.export(ExportPayload(path=str(tmp_path), weights="current"), no_report)
    assert reward_of(engine) == reward
    exported = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert not any("lora" in name for name, _ in exported.named_parameters())
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    # Prompts and perplexity cut texts; whoever takes the model up must not.
    assert tokenizer.backend_tokenizer.truncation is None
    tokens = torch.tensor([tokenizer("the film was").input_ids])
    loaded = engine._loaded
    assert loaded is not None
    actor = loaded.training.policy.actor
    with torch.no_grad():
        places = torch.arange(tokens.shape[1])[None]
        hidden = actor.hidden(tokens, places, None, keep=tokens.shape[1])
        logits = actor._raw_logits(hidden[0])
    torch.testing.assert_close(exported(tokens).logits[0], logits, atol=1e-4, rtol=1e-4)


def test_checkpoints_that_do_not_fit_are_refused(torch_load: LoadPayload, tmp_path: Path) -> None:
    engine = engine_with(torch_load)
    engine.save(SavePayload(path=str(tmp_path)), no_report)
    for changes, told in (
        ({"policy__adapter": adapter(2)}, "policy.lora_rank 0, but it is 2"),
        ({"training__ema_decay": 0.5}, "no EMA weights"),
        ({"training__critic": False}, "a value head, but training.critic is false"),
    ):
        other = engine_with(torch_load, **changes)
        with pytest.raises(InputError, match=told):
            other.restore(RestorePayload(path=str(tmp_path)), no_report)
    weights = tmp_path / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    with pytest.raises(InputError, match="incomplete"):
        engine.restore(RestorePayload(path=str(tmp_path)), no_report)
    (tmp_path / "optimizer.safetensors").rename(weights)
    with pytest.raises(InputError, match=r"does not fit policy\.model"):
        engine.restore(RestorePayload(path=str(tmp_path)), no_report)
    state = json.loads((tmp_path / "state.json").read_text())
    (tmp_path / "state.json").write_text(json.dumps({**state, "format": 99}))
    with pytest.raises(InputError, match="resume with the version that wrote it"):
        engine.restore(RestorePayload(path=str(tmp_path)), no_report)


def test_float32_stays_float32(torch_load: LoadPayload) -> None:
    """The CPU setting that makes products fast must not round them to bfloat16."""
    engine_with(torch_load)
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 256, 256, generator=generator)
    exact = a.double() @ b.double()
    assert float(((a @ b).double() - exact).abs().max()) < 1e-3 / 4
    assert float32_array(reward_of(engine_with(torch_load))).dtype == np.float32
