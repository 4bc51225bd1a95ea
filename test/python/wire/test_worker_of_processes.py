"""A worker of several processes, as the controller starts it: one ends, and all do."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from averse_worker.wire.messages.load import LoadPayload
from payloads import ROLLOUT
from wire_controller import WireController

# Both import torch, on a machine that may be busy.
SECONDS = 180


def children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's list of children")
def test_a_process_that_is_killed_ends_the_others_and_is_named(
    controller: WireController, torch_load: LoadPayload
) -> None:
    starter = controller.start("--engine", "torch", "--processes", "2")
    hello = controller.receive(SECONDS)
    assert hello["capabilities"]["distributed"] is True
    both = children(starter.pid)
    other = (both - {hello["pid"]}).pop()
    assert both == {hello["pid"], other}
    loaded: Any = controller.call("load", torch_load, SECONDS)
    assert loaded["result"]["processes"] == 2
    prompts = loaded["result"]["train"]["ids"][: 4 * 4]
    assert controller.call("rollout", {**ROLLOUT, "prompts": prompts})["kind"] == "reply"
    os.kill(other, signal.SIGKILL)
    assert starter.wait(SECONDS) == 71
    assert controller.stderr().splitlines()[-1] == (
        "averse_worker: process 1 of ranks 0 to 1 was killed by SIGKILL; a worker needs all of its "
        "processes, the others were ended"
    )
    assert gone(hello["pid"])


def test_sigterm_and_shutdown_end_all_processes(controller: WireController) -> None:
    first = controller.start("--engine", "torch", "--processes", "2")
    pid = controller.receive(SECONDS)["pid"]
    first.terminate()
    assert first.wait(SECONDS) == 143
    assert gone(pid)

    second = controller.start("--engine", "torch", "--processes", "2")
    pid = controller.receive(SECONDS)["pid"]
    assert controller.call("devices", {}, SECONDS)["kind"] == "reply"
    controller.call("shutdown", {})
    assert second.wait(SECONDS) == 0
    assert gone(pid)
    assert controller.stderr() == ""


def test_the_fake_engine_is_one_process(controller: WireController) -> None:
    process = controller.start("--processes", "2")
    assert process.wait(SECONDS) == 2
    assert "the engine 'fake' is one process" in controller.stderr()
