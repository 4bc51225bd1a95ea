"""The real worker as a process on a real socket: what the controller can rely on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from averse_worker.engine.registry import ENGINES
from averse_worker.wire.messages.base import float32_array, uint32_bytes
from averse_worker.wire.messages.envelope import PROTOCOL_VERSION
from payloads import LOAD, ROLLOUT, SFT, UPDATE
from wire_controller import PACKAGE_FOLDER, PATIENCE, WireController

TESTS = Path(__file__).parents[1]

LONG_SFT: dict[str, Any] = {**SFT, "steps": 10**9}


def wait_for(process: subprocess.Popen[bytes], code: int) -> None:
    """Waits for the process to end with this code; its command in hand would take hours."""
    assert process.wait(PATIENCE) == code


def start_long_command(controller: WireController) -> int:
    """Loads, begins an `sft` that would take hours, and waits until it is at work."""
    assert controller.call("load", LOAD)["kind"] == "reply"
    id = controller.send("sft", LONG_SFT)
    assert controller.receive()["phase"] == "sft"
    return id


def next_answer(controller: WireController) -> dict[str, Any]:
    while (message := controller.receive())["kind"] == "progress":
        pass
    return message


def test_one_whole_session(controller: WireController, tmp_path: Path) -> None:
    process = controller.start()
    hello = controller.receive()
    assert hello == {
        "kind": "hello",
        "protocol": PROTOCOL_VERSION,
        "session": controller.session,
        "pid": process.pid,
        "host": os.uname().nodename,
        "engine": "fake",
        "version": "0.1.0",
        "capabilities": {
            "sft": True,
            "stages": True,
            "lora": False,
            "critic": True,
            "prefix_baseline": True,
            "ema": True,
            "checkpoint": True,
            "completions": True,
            "kl_loss": True,
            "bitwise": True,
            "common_random_numbers": True,
            "distributed": False,
            "harness": True,
        },
        "engine_options": ENGINES["fake"].options,
        "limits": msgspec.to_builtins(list(ENGINES["fake"].limits)),
        "figures": msgspec.to_builtins(ENGINES["fake"].figures),
    }
    devices = controller.call("devices", {})["result"]
    assert devices["auto"] == "cpu"
    assert [device["name"] for device in devices["devices"]] == ["cpu"]
    assert devices["cores"] >= 1
    loaded = controller.call("load", LOAD)["result"]
    prompts = loaded["train"]["ids"][: 4 * 16]
    rollout = controller.call("rollout", {**ROLLOUT, "prompts": prompts})
    returns = float32_array(rollout["result"]["return"])
    assert returns.shape == (16,)
    weights = (returns <= sorted(returns)[3]).astype("<f4").tobytes()
    update = controller.call(
        "update", {**UPDATE, "rollout": rollout["result"]["rollout"], "weights": weights}
    )
    assert update["result"]["episodes"] == 4
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    assert controller.call("save", {"path": str(folder)})["kind"] == "reply"
    assert controller.call("shutdown", {})["result"] == {}
    wait_for(process, 0)
    assert process.stdout is not None
    assert process.stdout.read() == b""


def test_control_is_answered_while_the_engine_works(controller: WireController) -> None:
    controller.start()
    controller.receive()
    idle = controller.call("ping", {})["result"]
    assert (idle["busy"], idle["phase"]) == (None, None)
    assert idle["memory_bytes"] > 10 * 2**20
    sft = start_long_command(controller)

    ping = controller.call("ping", {})["result"]
    assert (ping["busy"], ping["phase"]) == ("sft", "sft")

    refused = controller.call("load", LOAD)
    assert (refused["kind"], refused["error"]) == ("failure", "protocol")
    assert "`sft`" in refused["message"]

    interrupt = controller.send("interrupt", {})
    answers = [next_answer(controller), next_answer(controller)]
    by_id = {answer["id"]: answer for answer in answers}
    assert by_id[interrupt]["result"] == {}
    assert by_id[sft]["error"] == "interrupted"
    assert "phase 'sft'" in by_id[sft]["message"]
    assert controller.call("ping", {})["result"]["busy"] is None
    assert controller.call("load", LOAD)["kind"] == "reply"


def test_progress_is_told_now_and_then_and_not_at_every_step(controller: WireController) -> None:
    controller.start()
    controller.receive()
    start_long_command(controller)
    done = [controller.receive()["done"] for _ in range(10)]
    assert done == sorted(done)
    assert done[-1] - done[0] > 10 * len(done)


def test_every_ping_is_answered_under_load(controller: WireController) -> None:
    controller.start()
    controller.receive()
    start_long_command(controller)
    for _ in range(20):
        assert controller.call("ping", {})["result"]["busy"] == "sft"


def test_sigterm_ends_a_working_worker_at_once(controller: WireController) -> None:
    process = controller.start()
    controller.receive()
    start_long_command(controller)
    process.terminate()
    wait_for(process, 143)
    assert "SIGTERM" in controller.stderr()


def test_sigterm_ends_an_idle_worker(controller: WireController) -> None:
    process = controller.start()
    controller.receive()
    process.terminate()
    wait_for(process, 143)


def test_ctrl_c_is_left_to_the_controller(controller: WireController) -> None:
    process = controller.start()
    controller.receive()
    process.send_signal(signal.SIGINT)
    assert controller.call("ping", {})["kind"] == "reply"
    assert process.poll() is None


def test_a_shutdown_interrupts_the_command_in_hand(controller: WireController) -> None:
    process = controller.start()
    controller.receive()
    sft = start_long_command(controller)
    shutdown = controller.send("shutdown", {})
    answers = {m["id"]: m for m in (next_answer(controller), next_answer(controller))}
    assert answers[shutdown]["kind"] == "reply"
    assert answers[sft]["error"] == "interrupted"
    wait_for(process, 0)


def test_a_worker_leaves_when_the_controller_hangs_up(controller: WireController) -> None:
    process = controller.start()
    controller.receive()
    start_long_command(controller)
    controller.hang_up()
    wait_for(process, 3)
    assert "closed the connection" in controller.stderr()


def test_a_worker_leaves_when_the_controller_freezes(tmp_path: Path) -> None:
    """A stopped controller keeps its socket open: only the heartbeats tell."""
    with subprocess.Popen(
        [sys.executable, "-c", FREEZING_CONTROLLER, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": f"{PACKAGE_FOLDER}{os.pathsep}{TESTS}"},
    ) as frozen:
        assert frozen.stdout is not None
        worker = int(frozen.stdout.readline())
        try:
            frozen.send_signal(signal.SIGSTOP)
            wait_until_gone(worker)
        finally:
            frozen.kill()


FREEZING_CONTROLLER = """
import sys, time
from pathlib import Path
from wire_controller import WireController

controller = WireController(Path(sys.argv[1]))
process = controller.start("--heartbeat-ms", "200", "--heartbeat-timeout-ms", "3000")
controller.receive()
print(process.pid, flush=True)
time.sleep(3600)
"""


def test_a_worker_dies_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed, so nothing of it can tidy up; the worker is busy all the while."""
    with subprocess.Popen(
        [sys.executable, "-c", DYING_CONTROLLER, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": f"{PACKAGE_FOLDER}{os.pathsep}{TESTS}"},
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
        parent.wait(PATIENCE)
        wait_until_gone(worker)


DYING_CONTROLLER = """
import sys, time
from pathlib import Path
from test_worker_process import start_long_command
from wire_controller import WireController

controller = WireController(Path(sys.argv[1]))
process = controller.start()
controller.receive()
start_long_command(controller)
print(process.pid, flush=True)
time.sleep(3600)
"""


def wait_until_gone(pid: int, timeout: float = PATIENCE) -> None:
    """Waits until the process has ended, reaped or not."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still there after {timeout} s")


def test_a_worker_that_finds_no_controller_leaves(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/nobody"
    arguments = ["--session", "s", "--endpoint", endpoint, "--connect-timeout-ms", "300"]
    process = subprocess.run(
        [sys.executable, "-m", "averse_worker", *arguments],
        cwd=PACKAGE_FOLDER,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert process.returncode == 3
    assert b"no controller answered within" in process.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--endpoint"),
        (["--endpoint", "ipc://x", "--session", "s", "--engine", "jax"], "invalid choice: 'jax'"),
        (["--endpoint", "nonsense", "--session", "s"], "expected ipc://PATH or tcp://HOST:PORT"),
        (["--endpoint", "ipc://x", "--session", "s", "--heartbeat-ms", "0"], "milliseconds in"),
    ],
)
def test_wrong_arguments_end_with_code_2(arguments: list[str], words: str) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "averse_worker", *arguments],
        cwd=PACKAGE_FOLDER,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert process.returncode == 2
    assert words in process.stderr


def test_hello_comes_before_torch_is_imported(
    controller: WireController, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the torch engine too: this torch would take an hour."""
    (tmp_path / "torch.py").write_text("import time\ntime.sleep(3600)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    controller.start("--engine", "torch")
    assert controller.receive()["engine"] == "torch"
    assert controller.call("ping", {})["kind"] == "reply"


def test_refusals_leave_the_worker_alive(controller: WireController) -> None:
    controller.start()
    controller.receive()
    controller.send_frames(b"\xc1 no MessagePack")
    assert controller.receive()["id"] is None
    controller.send_frames(b"", b"two frames")
    assert "2 frames" in controller.receive()["message"]
    newer = controller.call("ping", {}, protocol=PROTOCOL_VERSION + 1)
    assert newer["error"] == "protocol"
    assert "the worker is older" in newer["message"]
    assert controller.call("load", LOAD)["kind"] == "reply"
    unknown = controller.call(
        "update",
        {
            "rollout": 99,
            "weights": uint32_bytes([0]),
            "seed": 1,
            "learning_rate_factor": 1,
        },
    )
    assert unknown["error"] in ("protocol", "input")
    assert controller.call("ping", {})["kind"] == "reply"
