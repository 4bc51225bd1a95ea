"""A policy that is divided among two processes: `test_several_processes.py` has what holds for any
worker of several; here is what only a divided one could get wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.wire.errors import Diverged, InputError
from averse_worker.wire.messages.base import float32_array, uint32_array
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import ExportPayload, RestorePayload, SavePayload
from payloads import (
    adapter,
    evaluate_payload,
    load_payload,
    rollout_payload,
    score_payload,
    sft_payload,
    update_payload,
)
from several_processes import STRATEGIES, Several, processes
from tiny_models import no_report

Engine = Callable[[str, Any], Any]

EPISODES = 9


@pytest.fixture(scope="module", params=STRATEGIES[1:])
def two(request: pytest.FixtureRequest) -> Iterator[Several]:
    with processes(2, strategy=request.param) as several:
        yield several


def alone() -> Engine:
    engine = TorchEngine()
    return lambda command, payload: getattr(engine, command)(payload, no_report)


def settings_of(torch_load: LoadPayload, rank: int, dtype: str = "float32") -> LoadPayload:
    """Microbatches of one: of a minibatch of 5 kept episodes one process has a pass less to do."""
    return load_payload(
        torch_load,
        policy__adapter=adapter(rank),
        policy__gradient_checkpointing=True,
        rollout__new_tokens=8,
        training__minibatch=5,
        training__microbatch=1,
        training__max_grad_norm=0.05,
        training__learning_rate=1e-3,
        training__ema_decay=0.5,
        training__entropy_coefficient=0.01,
        backend__dtype=dtype,
    )


def loaded(call: Engine, settings: LoadPayload) -> Any:
    ids = uint32_array(call("load", settings).train.ids)
    call("score_prompts", score_payload(ids))
    return (list(ids) * EPISODES)[:EPISODES]


def learn(call: Engine, prompts: Any, number: int, rollout: int) -> dict[str, Any]:
    found = call("rollout", rollout_payload(prompts, seed=number))
    returns = float32_array(found.return_)
    weights = np.zeros(EPISODES)
    weights[np.argsort(returns, kind="stable")[:5]] = 1
    updated = call("update", update_payload(rollout, weights, seed=number))
    # As RLOO does: without the critic, whose value head must stay as it is.
    found = call("rollout", rollout_payload(prompts, seed=number + 100))
    signed = float32_array(found.return_) - float32_array(found.return_).mean()
    again = call(
        "update",
        update_payload(
            rollout + 1,
            advantages=signed,
            kl_weights=np.ones(EPISODES),
            kl_form="exact",
            kl_coefficient=0.1,
            seed=number,
        ),
    )
    return {
        "returns": returns,
        "again": float32_array(found.return_),
        "figures": {**updated.figures, **{f"again {k}": v for k, v in again.figures.items()}},
    }


def evaluation(call: Engine, weights: str) -> dict[str, Any]:
    asked = evaluate_payload(range(4), completions=2, figures=["perplexity"], weights=weights)
    found = call("evaluate", asked)
    return {
        "returns": float32_array(found.reward),
        "again": float32_array(found.kl),
        "figures": found.figures,
    }


def check_near(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in ("returns", "again"):
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-5)
    assert found["figures"] == pytest.approx(expected["figures"], abs=1e-5, rel=1e-5)


def check_same_export(folder: Path, other: Path) -> None:
    """By what they compute: AdamW makes steps of the rounding where a gradient is zero, as it is of
    the keys' biases."""
    assert [path.name for path in sorted(folder.iterdir())] == [
        path.name for path in sorted(other.iterdir())
    ]
    found, expected = (load_file(path / "model.safetensors") for path in (folder, other))
    assert {n: t.shape for n, t in found.items()} == {n: t.shape for n, t in expected.items()}
    tokens = torch.arange(2, 26).reshape(2, 12)
    with torch.no_grad():
        models = [AutoModelForCausalLM.from_pretrained(path) for path in (folder, other)]
        logits = [model(tokens).logits for model in models]
    torch.testing.assert_close(*logits, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("rank", "dtype"), [(0, "float32"), (2, "float32"), (2, "bfloat16")])
def test_it_learns_evaluates_and_exports_as_one_process(
    two: Several, torch_load: LoadPayload, tmp_path: Path, rank: int, dtype: str
) -> None:
    settings = settings_of(torch_load, rank, dtype)
    told: list[list[dict[str, Any]]] = []
    one = alone()
    for call, name in ((one, "one"), (two, "two")):
        prompts = loaded(call, settings)
        call("sft", sft_payload(steps=3))
        steps = [learn(call, prompts, number, 1 + 2 * number) for number in range(2)]
        steps += [evaluation(call, weights) for weights in ("current", "ema")]
        (tmp_path / name).mkdir()
        call("save", SavePayload(path=str(tmp_path / name)))
        for weights in ("current", "ema"):
            (folder := tmp_path / f"{name} {weights}").mkdir()
            call("export", ExportPayload(path=str(folder), weights=weights))
        # An evaluation with other weights leaves the own ones as they were.
        steps.append(learn(call, prompts, 2, 5))
        told.append(steps)
    for found, expected in zip(told[1], told[0], strict=True):
        check_near(found, expected)
    for weights in ("current", "ema"):
        check_same_export(tmp_path / f"two {weights}", tmp_path / f"one {weights}")

    # Two to one, and one to two.
    for call, of in ((one, "two"), (two, "one")):
        prompts = loaded(call, settings)
        call("restore", RestorePayload(path=str(tmp_path / of)))
        check_near(evaluation(call, "ema"), told[0][3])
        check_near(learn(call, prompts, 2, 5), told[0][4])


def test_each_process_keeps_its_part_of_weights_moments_and_reference(
    two: Several, torch_load: LoadPayload, tmp_path: Path
) -> None:
    prompts = loaded(two, settings_of(torch_load, 0))
    two("sft", sft_payload(steps=1))
    learn(two, prompts, 1, 1)
    saved = two("save", SavePayload(path=str(tmp_path)))
    names = ["average", "optimizer", "reference", "weights"]
    assert sorted(saved.files) == sorted(
        [f"{name}-0000{part}-of-00002.safetensors" for name in names for part in (1, 2)]
        + ["random.json", "state.json"]
    )
    for name in names:
        sizes = []
        for part in (1, 2):
            path = tmp_path / f"{name}-0000{part}-of-00002.safetensors"
            with safe_open(path, framework="pt") as file:
                sizes.append(sum(file.get_tensor(key).numel() for key in file.keys()))  # noqa: SIM118
        assert min(sizes) > 0.9 * max(sizes)


def test_a_checkpoint_without_a_part_is_refused_by_any_number_of_processes(
    two: Several, torch_load: LoadPayload, tmp_path: Path
) -> None:
    settings = settings_of(torch_load, 0)
    prompts = loaded(two, settings)
    two("save", SavePayload(path=str(tmp_path)))
    (tmp_path / "weights-00002-of-00002.safetensors").unlink()
    one = alone()
    loaded(one, settings)
    for call in (one, two):
        with pytest.raises(InputError, match=r"weights-00002-of-00002\.safetensors is missing"):
            call("restore", RestorePayload(path=str(tmp_path)))
    learn(two, prompts, 1, 1)


def test_a_diverged_update_is_an_error_of_that_command_alone(
    two: Several, torch_load: LoadPayload, tmp_path: Path
) -> None:
    """Nothing of it is left once a checkpoint is restored, no gradient either."""
    settings = settings_of(torch_load, 0)
    prompts = loaded(two, settings)
    two("save", SavePayload(path=str(tmp_path)))
    two("rollout", rollout_payload(prompts, seed=1))
    with pytest.raises(Diverged):
        two("update", update_payload(1, np.ones(EPISODES), learning_rate_factor=1e33))
    two("restore", RestorePayload(path=str(tmp_path)))
    one = alone()
    expected = learn(one, loaded(one, settings), 1, 1)
    check_near(learn(two, prompts, 1, 1), expected)
