"""The server with stub engines and no sockets: the rules of the protocol, one by one."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.engine.contract import Report
from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.engine.registry import ENGINES
from averse_worker.wire.errors import Diverged, InputError, WorkerError
from averse_worker.wire.failures import failure_of
from averse_worker.wire.messages.base import NotFinite, float32_bytes
from averse_worker.wire.messages.envelope import PROTOCOL_VERSION
from averse_worker.wire.server import Server
from payloads import LOAD, SFT


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


class StubEngine(FakeEngine):
    """The fake engine with `sft` in the hands of the test."""

    behave: Callable[[Report], Any]

    def sft(self, payload: Any, report: Report) -> Any:
        self.behave(report)
        return super().sft(payload, report)


class Bench:
    """A server whose outgoing messages are collected, with its engine in a second thread."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._sent: list[dict[str, Any]] = []
        self._arrived = threading.Condition()
        self.server = Server(
            session="s",
            engine_name="fake",
            facts=ENGINES["fake"],
            build=build,
            send=self._collect,
        )
        self._thread = threading.Thread(target=self.server.work, daemon=True)
        self._thread.start()

    def _collect(self, data: bytes) -> None:
        with self._arrived:
            self._sent.append(msgspec.msgpack.decode(data))
            self._arrived.notify_all()

    def send(self, id: int, command: str, payload: Any, **envelope: Any) -> None:
        self.server.receive([msgspec.msgpack.encode(request(id, command, payload, **envelope))])

    def answer(self, id: int | None) -> dict[str, Any]:
        """Waits for the reply or failure with this id and takes it out."""

        def found() -> dict[str, Any] | None:
            answers = [m for m in self._sent if m["kind"] in ("reply", "failure")]
            return next((message for message in answers if message["id"] == id), None)

        with self._arrived:
            assert self._arrived.wait_for(found, 60), f"no answer to {id} among {self._sent}"
            message = found()
            assert message is not None
            self._sent.remove(message)
            return message

    def call(self, id: int, command: str, payload: Any, **envelope: Any) -> dict[str, Any]:
        self.send(id, command, payload, **envelope)
        return self.answer(id)

    def wait_for_progress(self, phase: str) -> None:
        def there() -> bool:
            return any(m["kind"] == "progress" and m["phase"] == phase for m in self._sent)

        with self._arrived:
            assert self._arrived.wait_for(there, 60)

    def close(self) -> None:
        self.send(10_000, "shutdown", {})
        self._thread.join(60)
        assert not self._thread.is_alive()


def request(id: int, command: str, payload: Any, **envelope: Any) -> dict[str, Any]:
    plain = {
        "kind": "request",
        "protocol": PROTOCOL_VERSION,
        "session": "s",
        "id": id,
        "command": command,
        "payload": payload,
    }
    return {**plain, **envelope}


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench(FakeEngine)
    yield bench
    bench.close()


@pytest.fixture
def stub() -> Iterator[tuple[Bench, StubEngine]]:
    """A bench that has loaded a stub engine."""
    engine = StubEngine()
    bench = Bench(lambda: engine)
    assert bench.call(0, "load", LOAD)["kind"] == "reply"
    yield bench, engine
    bench.close()


# ── what is refused ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("version", "older"),
    [(PROTOCOL_VERSION + 1, "worker"), (PROTOCOL_VERSION - 1, "controller")],
)
def test_a_version_mismatch_names_both_and_the_older(
    bench: Bench, version: int, older: str
) -> None:
    """Checked before anything else: the rest of such a message means nothing."""
    message = msgspec.msgpack.encode({"protocol": version, "id": 4, "news": [1, 2]})
    bench.server.receive([message])
    failure = bench.answer(4)
    assert failure["error"] == "protocol"
    expected = f"speaks protocol {version}, this worker speaks {PROTOCOL_VERSION}; the {older} is"
    assert expected in failure["message"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"session": "t"}, "for session 't', this worker serves 's'"),
        ({"command": "explode"}, "Invalid enum value 'explode' - at `$.command`"),
        ({"surprise": 1}, "unknown field `surprise`"),
        ({"kind": "reply"}, "Invalid value 'reply' - at `$.kind`"),
        ({"protocol": "1"}, "field `protocol` is '1'"),
        ({"payload": {"surprise": 1}}, "payload of `ping`: Object contains unknown field"),
        ({"payload": None}, "payload of `ping`: Expected `object`, got `None`"),
    ],
)
def test_wrong_envelopes_are_refused_in_words(
    bench: Bench, change: dict[str, Any], words: str
) -> None:
    bench.server.receive([msgspec.msgpack.encode({**request(3, "ping", {}), **change})])
    failure = bench.answer(3)
    assert failure["error"] == "protocol"
    assert words in failure["message"]
    assert bench.call(4, "ping", {})["kind"] == "reply"


def test_a_wrong_payload_names_the_field(bench: Bench) -> None:
    wrong = {**LOAD, "training": {**LOAD["training"], "lambda": "high"}}
    failure = bench.call(1, "load", wrong)
    assert failure["error"] == "protocol"
    assert "`load`: Expected `float`, got `str` - at `$.training.lambda`" in failure["message"]


@pytest.mark.parametrize("id", [-1, 1.5, "7", None, 2**53])
def test_an_unreadable_id_is_answered_with_null(bench: Bench, id: Any) -> None:
    bench.send(id, "ping", {})
    assert bench.answer(None)["error"] == "protocol"


def test_commands_before_load_are_refused(bench: Bench) -> None:
    failure = bench.call(1, "sft", SFT)
    assert (failure["error"], "`load` first" in failure["message"]) == ("protocol", True)
    refused = {**LOAD, "policy": {**LOAD["policy"], "model": "nowhere"}}
    assert bench.call(2, "load", refused)["error"] == "input"
    assert bench.call(3, "sft", SFT)["error"] == "protocol"
    assert bench.call(4, "load", LOAD)["kind"] == "reply"
    assert bench.call(5, "sft", SFT)["kind"] == "reply"


def test_two_frames_are_refused(bench: Bench) -> None:
    bench.server.receive([b"", msgspec.msgpack.encode(request(1, "ping", {}))])
    assert "2 frames" in bench.answer(None)["message"]


@given(st.binary(max_size=200))
def test_any_bytes_are_answered_and_survived(data: bytes) -> None:
    sent: list[bytes] = []
    server = Server(
        session="s",
        engine_name="fake",
        facts=ENGINES["fake"],
        build=FakeEngine,
        send=sent.append,
    )
    server.receive([data])
    [answer] = sent
    assert msgspec.msgpack.decode(answer)["error"] == "protocol"


@pytest.mark.parametrize(
    "data",
    [
        b"\x91" * 100_000 + b"\xc0",
        b"\x81\xa1a" * 100_000 + b"\xc0",
        b"\x82\xa8protocol\x01\xa1\xff\x01",
        b"\x81\xa7session\xa2\xed\xa0",
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"",
    ],
    ids=["deep-list", "deep-map", "bad-key", "bad-text", "huge-map", "huge-list", "huge", "empty"],
)
def test_hostile_bytes_are_answered_and_survived(bench: Bench, data: bytes) -> None:
    bench.server.receive([data])
    assert bench.answer(None)["error"] == "protocol"
    assert bench.call(2, "ping", {})["kind"] == "reply"


# ── one command at a time, control in between ───────────────────────────────────────────────


def test_a_second_command_is_refused_and_the_first_goes_on(
    stub: tuple[Bench, StubEngine],
) -> None:
    bench, engine = stub
    go_on = threading.Event()

    def behave(report: Report) -> None:
        report("waiting", 0, 1, "events")
        go_on.wait(60)

    engine.behave = behave
    bench.send(1, "sft", SFT)
    bench.wait_for_progress("waiting")
    second = bench.call(2, "sft", SFT)
    assert second["error"] == "protocol"
    assert "`sft` (request 2) arrived while `sft` (request 1) is running" in second["message"]
    ping = bench.call(3, "ping", {})["result"]
    assert (ping["busy"], ping["phase"]) == ("sft", "waiting")
    go_on.set()
    assert bench.answer(1)["kind"] == "reply"


def test_an_id_sent_twice_does_not_answer_for_the_first(stub: tuple[Bench, StubEngine]) -> None:
    bench, engine = stub
    go_on = threading.Event()
    engine.behave = lambda _: go_on.wait(60)
    bench.send(1, "sft", SFT)
    bench.send(1, "sft", SFT)
    assert bench.answer(None)["error"] == "protocol"
    go_on.set()
    assert bench.answer(1)["kind"] == "reply"


def test_the_next_command_may_follow_the_answer_at_once(stub: tuple[Bench, StubEngine]) -> None:
    bench, engine = stub
    engine.behave = lambda _: None
    for id in range(1, 200):
        assert bench.call(id, "sft", SFT)["kind"] == "reply"


def test_an_interrupt_ends_the_command_at_its_next_report(
    stub: tuple[Bench, StubEngine],
) -> None:
    bench, engine = stub

    def behave(report: Report) -> None:
        done = 0
        while True:
            report("endless", done, 0, "turns")
            done += 1

    engine.behave = behave
    bench.send(1, "sft", SFT)
    bench.wait_for_progress("endless")
    assert bench.call(2, "interrupt", {})["result"] == {}
    failure = bench.answer(1)
    assert failure["error"] == "interrupted"
    assert "phase 'endless'" in failure["message"]
    engine.behave = lambda _: None
    assert bench.call(3, "sft", SFT)["kind"] == "reply"


def test_an_interrupt_with_nothing_in_hand_is_forgotten(stub: tuple[Bench, StubEngine]) -> None:
    bench, engine = stub
    engine.behave = lambda _: None
    assert bench.call(1, "interrupt", {})["kind"] == "reply"
    assert bench.call(2, "sft", SFT)["kind"] == "reply"


# ── what goes wrong in an engine ────────────────────────────────────────────────────────────


class Boom(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (Boom("at last"), "internal", "Boom: at last; this is a bug"),
        (InputError("wrong", key="sft.steps"), "input", "wrong"),
        (Diverged("NaN", detail="loss nan"), "diverged", "NaN"),
        (MemoryError(), "memory", "training.minibatch"),
        (OutOfMemoryError("CUDA out of memory. Tried 2 GiB"), "memory", "policy.lora_rank"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "memory", "rollout"),
        (ModuleNotFoundError("No module named 'peft'", name="peft"), "environment", "peft"),
        (PermissionError(13, "Permission denied", "/x"), "environment", "/x"),
        (OSError(28, "No space left on device"), "environment", "free disk space"),
        (RuntimeError("CUDA error: device-side assert"), "environment", "backend.device cpu"),
        (RecursionError("too deep"), "internal", "RecursionError"),
        (SystemExit(1), "internal", "SystemExit"),
        (Boom("half a pair \udcff"), "internal", "half a pair ?"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_errors_become_failures_and_the_worker_lives_on(
    stub: tuple[Bench, StubEngine], error: BaseException, kind: str, words: str
) -> None:
    bench, engine = stub

    def behave(_: Report) -> None:
        raise error

    engine.behave = behave
    failure = bench.call(1, "sft", SFT)
    assert failure["error"] == kind
    assert words in failure["message"]
    if isinstance(error, WorkerError):
        assert (failure["key"], failure["detail"]) == (error.key, error.detail)
    else:
        assert "in behave" in failure["detail"]
    engine.behave = lambda _: None
    assert bench.call(2, "sft", SFT)["kind"] == "reply"


def test_nan_in_a_result_is_a_divergence(stub: tuple[Bench, StubEngine]) -> None:
    bench, engine = stub
    engine.behave = lambda _: float32_bytes([1.0, float("nan")])
    failure = bench.call(1, "sft", SFT)
    assert failure["error"] == "diverged"
    assert "index 1" in failure["message"]
    assert failure["message"].endswith("lower sft.learning_rate")


def test_nan_before_any_update_is_not_blamed_on_the_learning_rate_alone() -> None:
    failure = failure_of(NotFinite("`entropy` is nan"), session="s", id=1, command="rollout")
    assert failure.error == "diverged"
    assert "before any, set backend.dtype to float32" in failure.message


def test_a_result_of_the_wrong_type_is_a_bug(bench: Bench) -> None:
    class Wrong(FakeEngine):
        def sft(self, payload: Any, report: Any) -> Any:
            return {"steps": 3}

    wrong = Bench(Wrong)
    wrong.call(1, "load", LOAD)
    assert wrong.call(2, "sft", SFT)["error"] == "internal"
    wrong.close()


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("No module named 'torch'"), OSError("libcudart.so: not found")]
)
def test_an_engine_that_cannot_be_imported_says_what_to_do(error: Exception) -> None:
    attempts = [error, None]

    def build() -> FakeEngine:
        if (failure := attempts.pop(0)) is not None:
            raise failure
        return FakeEngine()

    bench = Bench(build)
    failure = bench.call(1, "load", LOAD)
    assert failure["error"] == "environment"
    assert str(error) in failure["message"]
    assert "averse doctor" in failure["message"]
    assert "Traceback" in failure["detail"]
    assert bench.call(2, "load", LOAD)["kind"] == "reply"
    bench.close()
