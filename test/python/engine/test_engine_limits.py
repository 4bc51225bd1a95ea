"""What engines do not take of an experiment: told as data, and refused by the same data."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from averse_worker.engine.limits import check_limits
from averse_worker.engine.registry import ENGINES, facts_of
from averse_worker.platform.processes import Place, Strategy
from averse_worker.wire.errors import InputError
from averse_worker.wire.server import EngineFacts
from payloads import adapter, load_payload


def facts(engine: str, strategy: Strategy | None = None) -> EngineFacts:
    if strategy is None:
        return facts_of(engine, None)
    place = Place(
        rank=0, count=2, local=0, address="", port=0, listener=None, hosts=True, strategy=strategy
    )
    return facts_of(engine, place)


QUANTIZED = {"policy__quantize": "4bit", "policy__adapter": adapter(2)}
RLOO = {"trainer": "rloo"}


@pytest.mark.parametrize(
    ("engine", "strategy", "changes", "key", "words"),
    [
        ("torch", "deepspeed", {"backend__dtype": "float16"}, "backend.dtype", "float32 or bfl"),
        ("torch", "deepspeed", QUANTIZED, "policy.quantize", "--strategy deepspeed"),
        ("torch", "fsdp", QUANTIZED, "policy.quantize", "set it to none"),
        ("vllm", None, QUANTIZED, "policy.quantize", "other weights"),
        ("vllm", None, {"rollout__temperature": 0.001}, "rollout.temperature", "0.01 to 2"),
        (
            "vllm",
            None,
            {"engine_options": {"url": "http://localhost.gpu-box:8000"}},
            "backend.engine_options.url",
            "change backend.engine_options.allow_insecure",
        ),
        ("trl", None, QUANTIZED, "policy.quantize", "set it to none"),
        (
            "trl",
            None,
            {"training__entropy_coefficient": 0.1},
            "training.entropy_coefficient",
            "set it to 0",
        ),
        ("trl", None, {"engine_options": {**RLOO, "beta": 0.1}}, "engine_options.beta", "to 0"),
        (
            "trl",
            None,
            {"engine_options": {**RLOO, "loss_type": "dapo"}},
            "engine_options.loss_type",
            "leave it out, or change backend.engine_options.trainer",
        ),
        ("fake", None, {"backend__device": "cuda:1"}, "backend.device", "auto or cpu"),
    ],
)
def test_what_an_engine_does_not_take_is_refused_by_its_key(
    engine: str, strategy: Strategy | None, changes: dict[str, Any], key: str, words: str
) -> None:
    found = facts(engine, strategy)
    check_limits(found, load_payload(backend__device="cpu"))
    with pytest.raises(InputError) as caught:
        check_limits(found, load_payload(**changes))
    assert str(caught.value.key).endswith(key)
    assert key in caught.value.message
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("engine", "strategy", "changes"),
    [
        ("torch", None, {"backend__dtype": "float16"}),
        ("torch", "fsdp", {"backend__dtype": "float16"}),
        ("torch", "data-parallel", QUANTIZED),
        ("vllm", None, {"engine_options": {"url": "https://gpu-box"}}),
        ("vllm", None, {"engine_options": {"url": "http://127.0.0.2:80/x"}}),
        ("vllm", None, {"engine_options": {"url": "http://box", "allow_insecure": True}}),
        # The worker's to refuse, as a limit's message quotes the value.
        ("vllm", None, {"engine_options": {"url": "http://me:secret@gpu-box"}}),
        ("trl", None, {"engine_options": {"beta": 0.1, "loss_type": "dapo"}}),
    ],
)
def test_what_it_takes_is_let_through(
    engine: str, strategy: Strategy | None, changes: dict[str, Any]
) -> None:
    check_limits(facts(engine, strategy), load_payload(**changes))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_limit_of_an_option_is_of_one_that_there_is(engine: str) -> None:
    prefix = "backend.engine_options."
    keys = [key for limit in ENGINES[engine].limits for key in (limit.key, *limit.when)]
    named = {key.removeprefix(prefix) for key in keys if key.startswith(prefix)}
    assert named <= set(ENGINES[engine].options["properties"])


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Of a worker that may not import torch."""
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from averse_worker.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_worker_tells_its_hello_without_torch_and_without_a_controller() -> None:
    told = ask("--engine", "torch", "--processes", "3", "--strategy", "deepspeed", "--hello")
    assert told.returncode == 0, told.stderr
    hello = json.loads(told.stdout)
    assert hello["capabilities"]["distributed"]
    keys = [limit["key"] for limit in hello["limits"]]
    assert keys == ["training.batch", "policy.quantize", "backend.dtype"]
    assert hello["limits"][0]["minimum"] == 3


def test_the_worker_of_a_file_for_attaching_tells_it_too() -> None:
    told = ask("--attach", "/no/file", "--engine", "trl", "--hello")
    assert json.loads(told.stdout)["engine"] == "trl"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "trl", "--processes", "2"], "the engine 'trl' is one process"),
        (["--engine", "vllm", "--strategy", "fsdp"], "the engine 'vllm' is one process"),
        (["--strategy", "fsdp"], "there is one; add --processes 2, or remove it"),
    ],
)
def test_arguments_that_cannot_be_are_refused_in_the_last_line(
    arguments: list[str], words: str
) -> None:
    told = ask(*arguments, "--hello")
    assert told.returncode == 2
    assert told.stderr.splitlines()[-1].startswith("averse_worker: error: ")
    assert words in told.stderr.splitlines()[-1]
