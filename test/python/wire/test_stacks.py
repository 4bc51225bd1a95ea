"""SIGUSR1: the stacks of all threads on standard error, whatever the worker is doing."""

import signal
import time
from pathlib import Path

import pytest

from averse_worker.wire.stacks import END
from payloads import LOAD, ROLLOUT, UPDATE
from wire_controller import PATIENCE, WireController

MISBEHAVING = Path(__file__).parents[1] / "misbehaving"


def wait_for(controller: WireController, words: str, timeout: float = PATIENCE) -> str:
    """What the worker has written to standard error, once the words are there."""
    deadline = time.monotonic() + timeout
    while words not in (text := controller.stderr()):
        assert time.monotonic() < deadline, text
        time.sleep(0.02)
    return text


def test_an_idle_worker_writes_them_and_lives_on(controller: WireController) -> None:
    process = controller.start()
    controller.receive()
    controller.call("load", LOAD)
    process.send_signal(signal.SIGUSR1)
    stacks = wait_for(controller, END)
    assert "in _control" in stacks
    assert "in work" in stacks
    assert stacks.count(" thread 0x") + stacks.count("Thread 0x") >= 2
    assert controller.call("ping", {})["kind"] == "reply"


@pytest.mark.parametrize(
    ("script", "function"),
    [("hangs_in_update", "_wait_for_the_other_ranks"), ("hangs_with_lock", "_hang_in_c")],
)
def test_they_name_the_function_that_hangs(
    controller: WireController, script: str, function: str
) -> None:
    process = controller.start(script=MISBEHAVING / f"{script}.py")
    controller.receive()
    controller.call("load", LOAD)
    controller.call("rollout", ROLLOUT)
    controller.send("update", UPDATE)
    assert controller.receive()["phase"] == "update"
    # The report goes out before the engine is where it hangs.
    while function not in controller.stderr():
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.2)
    assert "in _control" in wait_for(controller, "in _control")
