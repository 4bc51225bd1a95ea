"""The misbehaving workers do what their README says, so that tests built on them mean something."""

import re
import signal
import time
from pathlib import Path

import msgspec
import pytest

from averse_worker.wire.messages.base import uint32_array, uint32_bytes
from averse_worker.wire.messages.envelope import MAX_MESSAGE_BYTES, PROTOCOL_VERSION
from payloads import LOAD, ROLLOUT, UPDATE
from wire_controller import PATIENCE, WireController

FOLDER = Path(__file__).parents[1] / "misbehaving"


def test_the_readme_lists_every_script() -> None:
    listed = re.findall(r"^\| `(\w+\.py)`", (FOLDER / "README.md").read_text(), re.MULTILINE)
    scripts = {path.name for path in FOLDER.glob("*.py")} - {"peer.py", "real_worker.py"}
    assert sorted(listed) == sorted(scripts)


def start(controller: WireController, name: str) -> None:
    controller.start(script=FOLDER / f"{name}.py")
    assert controller.receive()["kind"] == "hello"


def test_silent(controller: WireController) -> None:
    process = controller.start(script=FOLDER / "silent.py")
    with pytest.raises(TimeoutError):
        controller.receive(timeout=1)
    assert process.poll() is None


def test_dies_at_start(controller: WireController) -> None:
    process = controller.start(script=FOLDER / "dies_at_start.py")
    assert process.wait(PATIENCE) == 7
    assert "libsomething" in controller.stderr()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("wrong_version", "protocol", PROTOCOL_VERSION + 1),
        ("wrong_session", "session", "some-other-session"),
    ],
)
def test_wrong_hellos(controller: WireController, name: str, field: str, value: object) -> None:
    controller.start(script=FOLDER / f"{name}.py")
    assert controller.receive()[field] == value


def test_garbage(controller: WireController) -> None:
    start(controller, "garbage")
    controller.send("ping", {})
    assert len(controller.receive_bytes()) == 64


def test_hangs_in_load(controller: WireController) -> None:
    start(controller, "hangs_in_load")
    controller.send("load", LOAD)
    controller.send("ping", {})
    with pytest.raises(TimeoutError):
        controller.receive(timeout=1)


def test_dies_in_update(controller: WireController) -> None:
    process = controller.start(script=FOLDER / "dies_in_update.py")
    controller.receive()
    controller.call("load", LOAD)
    controller.call("rollout", ROLLOUT)
    controller.send("update", UPDATE)
    assert process.wait(PATIENCE) == -signal.SIGKILL
    assert "illegal memory access" in controller.stderr()


def test_freezes_in_rollout(controller: WireController) -> None:
    process = controller.start(script=FOLDER / "freezes_in_rollout.py")
    controller.receive()
    controller.call("load", LOAD)
    controller.send("rollout", ROLLOUT)
    deadline = time.monotonic() + PATIENCE
    while state_of(process.pid) != "T":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with pytest.raises(TimeoutError):
        controller.receive(timeout=1)


def state_of(pid: int) -> str:
    """A letter as in ps(1); T: stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_ignores_sigterm(controller: WireController) -> None:
    process = controller.start(script=FOLDER / "ignores_sigterm.py")
    controller.receive()
    process.terminate()
    process.send_signal(signal.SIGINT)
    controller.send("shutdown", {})
    assert controller.call("ping", {})["kind"] == "reply"
    assert process.poll() is None


def test_answers_twice(controller: WireController) -> None:
    start(controller, "answers_twice")
    assert controller.call("ping", {}) == controller.receive()


def test_unknown_field(controller: WireController) -> None:
    start(controller, "unknown_field")
    assert controller.call("ping", {})["surprise"] == 1


def test_nan_result(controller: WireController) -> None:
    start(controller, "nan_result")
    controller.call("load", LOAD)
    controller.call("rollout", ROLLOUT)
    loss = controller.call("update", UPDATE)["result"]["figures"]["loss_policy"]
    assert loss != loss
    assert msgspec.msgpack.encode(loss) == b"\xcb\x7f\xf8" + b"\0" * 6


def test_slow_start(controller: WireController) -> None:
    controller.start(script=FOLDER / "slow_start.py")
    with pytest.raises(TimeoutError):
        controller.receive(timeout=1)
    assert controller.receive()["kind"] == "hello"
    assert controller.call("ping", {})["kind"] == "reply"


def test_huge(controller: WireController) -> None:
    start(controller, "huge")
    controller.call("load", LOAD)
    controller.send("rollout", ROLLOUT)
    while len(data := controller.receive_bytes(timeout=60)) < MAX_MESSAGE_BYTES:
        pass
    assert len(data) == MAX_MESSAGE_BYTES + 1


def test_old_session(controller: WireController) -> None:
    start(controller, "old_session")
    controller.send("ping", {})
    sessions = [controller.receive()["session"] for _ in range(3)]
    assert sessions == ["an-old-session", "an-old-session", controller.session]


def start_hanging(controller: WireController, name: str) -> None:
    start(controller, name)
    controller.call("load", LOAD)
    controller.call("rollout", ROLLOUT)
    controller.send("update", UPDATE)
    assert controller.receive()["done"] == 3


def test_hangs_in_update(controller: WireController) -> None:
    start_hanging(controller, "hangs_in_update")
    controller.send("ping", {})
    assert controller.receive()["result"]["busy"] == "update"


def test_hangs_with_lock(controller: WireController) -> None:
    start_hanging(controller, "hangs_with_lock")
    while still_answers(controller):
        time.sleep(0.1)  # on its way to the lock


def still_answers(controller: WireController) -> bool:
    controller.send("ping", {})
    try:
        controller.receive(timeout=3)
    except TimeoutError:
        return False
    return True


def test_fails_rewards(controller: WireController) -> None:
    start(controller, "fails_rewards")
    controller.call("load", LOAD)
    prompts = {**ROLLOUT, "prompts": uint32_bytes(list(range(32)))}
    [component] = controller.call("rollout", prompts)["result"]["components"]
    failures = component["failures"]
    assert [failure["kind"] for failure in failures] == ["timeout", "exception", "not-finite"]
    episodes = [uint32_array(failure["episodes"]).tolist() for failure in failures]
    assert episodes == [[0, 30], [10], [20]]
