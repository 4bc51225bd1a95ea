"""Malformed requests at the worker: each is answered with one refusal and changes nothing.

`AVERSE_LONG=1` sends ten thousand in each test instead of a few hundred.
"""

import copy
import math
import os
import random
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.engine.registry import ENGINES
from averse_worker.wire.intake import Refused, read_request
from averse_worker.wire.messages.base import uint32_bytes
from averse_worker.wire.messages.envelope import PROTOCOL_VERSION
from averse_worker.wire.server import Server
from payloads import LOAD, ROLLOUT, SFT, UPDATE
from wire_controller import WireController

COUNT = 10_000 if os.environ.get("AVERSE_LONG") else 300
SESSION = WireController.session

EVALUATE = {
    "split": "test",
    "prompts": None,
    "completions": 1,
    "condition": None,
    "seed": 3,
    "weights": "current",
    "figures": ["perplexity"],
    "samples": uint32_bytes([0, 1]),
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "devices": {},
    "load": LOAD,
    "score_prompts": {"split": "train", "prompts": uint32_bytes([0]), "known": None},
    "sft": SFT,
    "rollout": ROLLOUT,
    "update": {
        **UPDATE,
        "rewards": UPDATE["weights"],
        "kl_weights": UPDATE["weights"],
        "kl_loss": {"form": "k3", "coefficient": 0.5, "unit": "reward"},
        "steps_per_epoch": 2,
    },
    "texts": {"rollout": 1, "episodes": uint32_bytes([1])},
    "evaluate": {**EVALUATE, "prompts": uint32_bytes([0]), "samples": uint32_bytes([0])},
    "save": {"path": "/nowhere"},
    "restore": {"path": "/nowhere"},
    "export": {"path": "/nowhere", "weights": "current"},
    "ping": {},
    "interrupt": {},
    "shutdown": {},
}


def request(command: str, payload: dict[str, Any], id: int = 7) -> dict[str, Any]:
    return {
        "kind": "request",
        "protocol": PROTOCOL_VERSION,
        "session": SESSION,
        "id": id,
        "command": command,
        "payload": payload,
    }


REQUESTS = [request(command, payload) for command, payload in PAYLOADS.items()]


def places(value: dict[str, Any], at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of all fields, at any depth."""
    found = []
    for key, inner in value.items():
        found.append((*at, key))
        if isinstance(inner, dict):
            found += places(inner, (*at, key))
    return found


NEVER_RIGHT = [{"x": 1}, [1], math.nan, -math.inf, "no such thing", b"\x01"]
"""No field takes these, except that texts and bytes may be right where some stand."""


@st.composite
def wrong_fields(draw: st.DrawFn) -> bytes:
    """A request with a field left out, added, or of a value that it cannot have."""
    message = copy.deepcopy(draw(st.sampled_from(REQUESTS)))
    *sections, last = draw(st.sampled_from(places(message)))
    target = message
    for section in sections:
        target = target[section]
    how = draw(st.sampled_from(["drop", "add", "replace"]))
    if how == "drop":
        del target[last]
    elif how == "add":
        target[draw(st.text(min_size=1).filter(lambda key: key not in target))] = 1
    else:
        if last == "engine_options":  # what it may hold is the engine's to say
            target[last] = draw(st.sampled_from(NEVER_RIGHT[1:]))
            return msgspec.msgpack.encode(message)
        options = NEVER_RIGHT[:2] if isinstance(target[last], str | bytes | None) else NEVER_RIGHT
        target[last] = draw(st.sampled_from([o for o in options if o != target[last]]))
    return msgspec.msgpack.encode(message)


@st.composite
def damaged_bytes(draw: st.DrawFn) -> bytes:
    """A request with bytes changed, cut off or put in."""
    data = bytearray(msgspec.msgpack.encode(draw(st.sampled_from(REQUESTS))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1)) if data else 0
        how = draw(st.sampled_from(["flip", "cut", "insert"]))
        if how == "flip" and data:
            data[at] ^= draw(st.integers(1, 255))
        elif how == "cut":
            del data[at : at + draw(st.integers(1, 50))]
        else:
            data[at:at] = draw(st.binary(max_size=8))
    return bytes(data)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
)


def is_refused(frames: list[bytes]) -> bool:
    try:
        read_request(frames, SESSION)
    except Refused:
        return True
    return False


class Served:
    """A server with the fake engine, loaded and with a rollout in hand."""

    def __init__(self) -> None:
        self._sent: list[dict[str, Any]] = []
        self._arrived = threading.Condition()
        self.server = Server(
            session=SESSION,
            engine_name="fake",
            facts=ENGINES["fake"],
            build=FakeEngine,
            send=self._collect,
        )
        self._thread = threading.Thread(target=self.server.work, daemon=True)
        self._thread.start()
        loaded = self.call("load", LOAD)
        self._evaluate = {**EVALUATE, "prompts": loaded["test"]["ids"]}
        self.call("rollout", ROLLOUT)
        self.figures = self.evaluated()

    def _collect(self, data: bytes) -> None:
        with self._arrived:
            self._sent.append(msgspec.msgpack.decode(data))
            self._arrived.notify_all()

    def call(self, command: str, payload: dict[str, Any]) -> Any:
        self.server.receive([msgspec.msgpack.encode(request(command, payload))])
        with self._arrived:
            assert self._arrived.wait_for(
                lambda: any(message["kind"] != "progress" for message in self._sent), 20
            )
            sent, self._sent = self._sent, []
        assert sent[-1]["kind"] == "reply", sent
        return sent[-1]["result"]

    def evaluated(self) -> dict[str, Any]:
        """Figures that hang on weights, data and seeds, less what no two measurements share."""
        figures: dict[str, Any] = self.call("evaluate", self._evaluate)
        del figures["seconds"], figures["memory_bytes"], figures["gpu"]
        return figures

    def refusal(self, frames: list[bytes]) -> dict[str, Any]:
        """The one answer, at once, to what cannot be carried out."""
        self.server.receive(frames)
        [answer], self._sent = self._sent, []
        return answer

    def close(self) -> None:
        """Checks that all is as it was, and ends the server."""
        assert self.call("ping", {})["busy"] is None
        assert self.evaluated() == self.figures
        assert self.call("update", PAYLOADS["update"])["episodes"] == 2
        self.call("shutdown", {})
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.close()


fuzz = settings(
    max_examples=COUNT,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


def expect_refusal(served: Served, frames: list[bytes]) -> None:
    answer = served.refusal(frames)
    assert (answer["kind"], answer["error"]) == ("failure", "protocol")
    assert answer["session"] == SESSION
    assert answer["id"] is None or isinstance(answer["id"], int)
    assert answer["message"]


@fuzz
@given(data=wrong_fields())
def test_wrong_fields(served: Served, data: bytes) -> None:
    assert is_refused([data])
    expect_refusal(served, [data])


@fuzz
@given(data=damaged_bytes() | st.binary(max_size=300) | ANYTHING.map(msgspec.msgpack.encode))
def test_damaged_bytes(served: Served, data: bytes) -> None:
    if is_refused([data]):
        expect_refusal(served, [data])


@fuzz
@given(frames=st.lists(st.binary(max_size=20), max_size=5).filter(lambda frames: len(frames) != 1))
def test_wrong_frames(served: Served, frames: list[bytes]) -> None:
    expect_refusal(served, frames)


def test_a_real_worker(controller: WireController) -> None:
    """The same over the socket: one refusal each, and the process is as it was."""
    controller.start()
    controller.receive()
    loaded = controller.call("load", LOAD)["result"]
    evaluate = {**EVALUATE, "prompts": loaded["test"]["ids"]}
    before = controller.call("evaluate", evaluate)["result"]
    source = random.Random(5)
    for _ in range(COUNT):
        data = bytearray(msgspec.msgpack.encode(source.choice(REQUESTS)))
        for _ in range(source.randint(1, 4)):
            data[source.randrange(len(data))] = source.randrange(256)
        if source.random() < 0.3:
            data = bytearray(source.randbytes(source.randrange(1, 200)))
        if is_refused([bytes(data)]):
            controller.send_frames(bytes(data))
            answer = controller.receive()
            assert (answer["kind"], answer["error"]) == ("failure", "protocol")
    after = controller.call("evaluate", evaluate)["result"]
    for figures in (before, after):
        del figures["seconds"], figures["memory_bytes"], figures["gpu"]
    assert after == before
