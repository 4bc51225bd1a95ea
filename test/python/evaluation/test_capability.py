"""Capability with a stand-in that has lm_eval's interface; the real package is optional."""

import importlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from averse_worker.evaluation import capability
from averse_worker.models.policy import Policy
from averse_worker.wire.errors import InputError, MissingEnvironment
from tiny_models import make_policy, no_report

STAND_IN = """
    import random, torch
    from transformers import AutoModelForCausalLM
    CALLS = []

    def simple_evaluate(model, model_args, tasks, limit, device, batch_size, log_samples):
        random.seed(0), torch.manual_seed(1234)
        causal = AutoModelForCausalLM.from_pretrained(model_args["pretrained"])
        CALLS.append((model, tasks, limit, device, log_samples))
        if tasks == ["offline"]:
            raise ConnectionError("no route to the hub")
        for _ in range(3):
            causal(torch.tensor([[1, 2]]))
        size = sum(p.numel() for p in causal.parameters())
        return {
            "results": {
                tasks[0]: {
                    "alias": tasks[0],
                    "acc,none": 0.5,
                    "acc_stderr,none": 0.1,
                    "exact_match,strict-match": 0.25,
                    "exact_match_stderr,strict-match": "N/A",
                    "size,none": size,
                }
            },
            "higher_is_better": {tasks[0]: {"acc": True, "size": None}},
        }
"""


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path with a package `lm_eval`."""
    package = tmp_path / "lm_eval"
    (package / "tasks").mkdir(parents=True)
    (package / "__init__.py").write_text(textwrap.dedent(STAND_IN), encoding="utf-8")
    (package / "tasks" / "__init__.py").write_text(
        "class TaskManager:\n    all_tasks = ['arc_easy', 'offline']\n", encoding="utf-8"
    )
    info = tmp_path / "lm_eval-0.4.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: lm_eval\nVersion: 0.4.9\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield tmp_path
    for name in [n for n in sys.modules if n.split(".")[0] == "lm_eval"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def policy(language_model: Path) -> Policy:
    return make_policy(language_model)


@pytest.mark.usefixtures("harness")
def test_figures_are_the_harness_own(policy: Policy) -> None:
    before = torch.get_rng_state()
    calls: list[tuple[str, int, int, str]] = []
    found = capability.measure_capability(policy, ["arc_easy"], 7, lambda *call: calls.append(call))
    # At the start, at each forward pass of model and trunk, and at the end; at none after it.
    assert calls == [("capability", 0, 1, "tasks")] * 7 + [("capability", 1, 1, "tasks")]
    policy.actor.causal(torch.tensor([[1, 2]]))
    assert len(calls) == 8
    assert torch.get_rng_state().equal(before)
    assert [(f.metric, f.value, f.standard_error, f.higher_is_better) for f in found] == [
        ("acc", 0.5, 0.1, True),
        ("exact_match_strict-match", 0.25, None, None),
        ("size", float(policy.size), None, None),
    ]
    assert importlib.import_module("lm_eval").CALLS == [("hf", ["arc_easy"], 7, "cpu", False)]
    assert capability.version() == "0.4.9"


@pytest.mark.usefixtures("harness")
def test_unknown_tasks_and_data_that_cannot_be_had_are_told(policy: Policy) -> None:
    with pytest.raises(InputError, match="names 'arc_esay'") as wrong:
        capability.check_tasks(["arc_easy", "arc_esay"])
    assert wrong.value.key == "evaluation.capability.tasks"
    with pytest.raises(MissingEnvironment, match=r"'offline' cannot be read.*no route"):
        capability.measure_capability(policy, ["offline"], None, no_report)


def test_without_the_harness_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    monkeypatch.setitem(sys.modules, "lm_eval.tasks", None)
    capability.check_tasks([])
    with pytest.raises(MissingEnvironment, match="pip install") as missing:
        capability.check_tasks(["arc_easy"])
    assert missing.value.key == "evaluation.capability"
