"""A server as a reward: real requests to a small one that misbehaves on request."""

import json
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import numpy as np
import pytest

from averse_worker.data.text import Text
from averse_worker.rewards import scoring
from averse_worker.rewards.contract import Scores
from averse_worker.rewards.remote import load_remote
from averse_worker.rewards.scored_text import ScoredText
from averse_worker.rewards.scoring import Scorer
from averse_worker.wire.errors import InputError, Interrupted, MissingEnvironment
from averse_worker.wire.messages.load import HttpScorer

TEXTS = [
    ScoredText(Text(p + c, prompt=p), {"label": n, "topic": "x"})
    for n, (p, c) in enumerate([("a", "bb"), ("cc", "d"), ("e", "")])
]


@dataclass
class Server:
    """What it was asked, and how it answers: one after the other, the last for good."""

    answers: list[Callable[[Any], tuple[int, Any, dict[str, str]]]]
    asked: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


def good(body: Any) -> tuple[int, Any, dict[str, str]]:
    texts = body.get("completions", body.get("query"))
    return 200, {"rewards": [float(len(text)) for text in texts]}, {}


def saying(status: int, body: Any = None, **headers: str) -> Callable[[Any], Any]:
    return lambda _: (status, body, {k.replace("_", "-"): v for k, v in headers.items()})


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    running: list[ThreadingHTTPServer] = []

    def start(*answers: Any) -> Server:
        state = Server(list(answers) or [good])

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                state.asked.append(body)
                state.headers.append(dict(self.headers))
                answer = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
                found = answer(body)
                if found is None:
                    self.close_connection = True
                    return
                status, content, headers = found
                sent = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        state.url = f"http://127.0.0.1:{server.server_port}/score"
        return state

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def settings(url: str, **changes: Any) -> HttpScorer:
    plain = HttpScorer(
        url=url,
        token_env=None,
        retries=0,
        allow_insecure=False,
        format="averse",
        text="whole",
        sign=1,
        timeout_seconds=10,
    )
    return msgspec.structs.replace(plain, **changes)


def score(url: str, texts: Any = TEXTS, tick: Any = None, **changes: Any) -> Scores:
    asked = settings(url, **changes)
    model = load_remote(asked, "reward")
    scorer = Scorer(
        model, asked.timeout_seconds, text=asked.text, retries=asked.retries, key="reward"
    )
    return scorer.score(texts, tick)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_FIRST_PAUSE", 0.01)


def test_a_batch_is_one_request_with_prompts_completions_and_columns(serve: Any) -> None:
    server = serve()
    assert score(server.url, sign=-1).values.tolist() == [-2, -1, 0]
    assert server.asked == [
        {
            "prompts": ["a", "cc", "e"],
            "completions": ["bb", "d", ""],
            "columns": {"label": [0, 1, 2], "topic": ["x", "x", "x"]},
        }
    ]
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    ("text", "queries"), [("whole", ["abb", "ccd", "e"]), ("completion", ["bb", "d", ""])]
)
def test_the_form_of_openrlhf(serve: Any, text: str, queries: list[str]) -> None:
    server = serve()
    found = score(server.url, format="openrlhf", text=text)
    assert found.values.tolist() == [len(query) for query in queries]
    assert server.asked[0] == {
        "query": queries,
        "prompts": ["a", "cc", "e"],
        "labels": [0, 1, 2],
    }
    nested = serve(saying(200, {"rewards": [[1.5], [2], [-3]]}))
    assert score(nested.url, format="openrlhf").values.tolist() == [1.5, 2, -3]


@pytest.mark.parametrize("format", ["averse", "openrlhf"])
def test_numbers_that_json_does_not_have_are_sent_as_null(serve: Any, format: str) -> None:
    """Tables write NaN where a number is missing; a strict server refuses the word."""
    server = serve()
    label = [math.nan, {"deep": [math.inf, 1.5]}]
    texts = [ScoredText(Text("abb", prompt="a"), {"label": label, "level": math.nan})]
    assert score(server.url, texts, format=format).failures == {}
    asked = server.asked[0]
    sent = [asked["labels"]] if format == "openrlhf" else [asked["columns"]["label"]]
    assert sent == [[[None, {"deep": [None, 1.5]}]]]
    assert format == "openrlhf" or asked["columns"]["level"] == [None]


def test_many_texts_are_several_requests_in_order(serve: Any) -> None:
    server = serve()
    texts = [ScoredText(Text("p" + "x" * (i % 7), prompt="p")) for i in range(150)]
    done: list[tuple[int, int]] = []
    found = score(server.url, texts, tick=lambda *at: done.append(at))
    assert found.values.tolist() == [i % 7 for i in range(150)]
    assert [len(asked["prompts"]) for asked in server.asked] == [64, 64, 22]
    assert done[-1] == (150, 150)


def test_the_token_goes_to_the_server_and_nowhere_else(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWARD_TOKEN", "s3cret-token")
    server = serve(saying(401, "who is s3cret-token?"))
    found = score(server.url, token_env="REWARD_TOKEN")
    assert server.headers[0]["Authorization"] == "Bearer s3cret-token"
    assert "s3cret" not in repr(found)
    assert "401" in found.failures[0].message
    assert "who is [redacted]?" in found.failures[0].message


@pytest.mark.parametrize(
    "fault",
    [
        saying(503, "later"),
        saying(429, "slow down", Retry_After="0.05"),
        saying(500, "boom", Retry_After="nonsense"),
        lambda _: None,
    ],
)
def test_what_passes_is_tried_again(serve: Any, fault: Any) -> None:
    server = serve(fault, fault, good)
    assert score(server.url, retries=2).values.tolist() == [2, 1, 0]
    assert len(server.asked) == 3
    gone = serve(fault)
    found = score(gone.url, retries=1)
    assert len(gone.asked) == 2
    assert np.isnan(found.values).all()
    assert {one.kind for one in found.failures.values()} == {"exception"}


def test_the_server_says_how_long_to_wait(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(scoring, "pause", lambda seconds, _: waits.append(seconds))
    server = serve(saying(503, Retry_After="7"), saying(503), saying(503), good)
    score(server.url, retries=3)
    assert waits == [7.0, 0.02, 0.04]


def test_a_server_that_is_gone_fails_what_is_left_at_once(serve: Any) -> None:
    texts = [ScoredText(Text("p" + "x", prompt="p")) for _ in range(200)]
    server = serve(good, saying(503))
    found = score(server.url, texts, retries=1)
    assert np.isfinite(found.values).sum() == 64
    assert len(server.asked) == 3, "the second batch twice, the others not at all"
    refused = score("http://127.0.0.1:9/nobody", retries=1)
    assert "gave no answer" in refused.failures[0].message


def test_an_answer_that_does_not_come_is_a_timeout(serve: Any) -> None:
    release = threading.Event()

    def late(body: Any) -> Any:
        release.wait(5)
        return good(body)

    server = serve(late)
    found = score(server.url, timeout_seconds=0.2)
    release.set()
    assert len(found.failures) == 3
    assert {one.kind for one in found.failures.values()} <= {"timeout", "exception"}
    assert found.failures[0].message.startswith(f"{server.url} gave no answer: ")
    assert "reward.timeout_seconds" in found.failures[0].message or "timed out" in (
        found.failures[0].message
    )


def test_a_text_that_the_server_refuses_is_lost_alone(serve: Any) -> None:
    def picky(body: Any) -> Any:
        bad = any(completion == "d" for completion in body["completions"])
        return (422, "no d please", {}) if bad else good(body)

    found = score(serve(picky).url)
    assert list(found.failures) == [1]
    assert "422" in found.failures[1].message
    assert found.values[[0, 2]].tolist() == [2, 0]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"rewards": [1, 2]}, "answered 2 rewards"),
        ({"scores": [1, 2, 3]}, "without a list `rewards`"),
        ([1, 2, 3], "without a list `rewards`"),
        (b"<html>", "answered '<html>'"),
        ({"rewards": [1, "2", 3]}, 'answered "2" as a reward'),
        ({"rewards": [1, True, 3]}, "answered true as a reward"),
    ],
)
def test_what_is_not_of_the_format_is_told(serve: Any, body: Any, told: str) -> None:
    model = load_remote(settings(serve(saying(200, body)).url), "reward")
    with pytest.raises(ValueError, match=r"expected .*3 numbers or null") as error:
        model.score_pairs(TEXTS)
    assert told in str(error.value)


def test_null_and_nan_are_failures_of_their_texts(serve: Any) -> None:
    found = score(serve(saying(200, b'{"rewards": [1, null, NaN]}')).url)
    assert found.values[0] == 1
    assert sorted(found.failures) == [1, 2]


def test_it_is_never_redirected(serve: Any) -> None:
    other = serve()
    server = serve(saying(307, "", Location=other.url))
    found = score(server.url)
    assert other.asked == []
    assert "307" in found.failures[0].message


def test_an_interrupt_ends_the_pauses(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_FIRST_PAUSE", 60.0)

    def interrupted(*_: int) -> None:
        raise Interrupted("stop")

    with pytest.raises(Interrupted):
        score(serve(saying(503)).url, retries=5, tick=interrupted)


@pytest.mark.parametrize(
    ("url", "key", "told"),
    [
        ("http://example.org/x", "reward.1.url", "unencrypted connection to example.org"),
        ("http://user:pw@127.0.0.1/x", "reward.1.url", "name or password"),
        ("ftp://127.0.0.1/x", "reward.1.url", "begins with http"),
        ("127.0.0.1:80", "reward.1.url", "begins with http"),
    ],
)
def test_addresses_that_are_refused(url: str, key: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        load_remote(settings(url), "reward.1")
    assert error.value.key == key


def test_addresses_that_are_not() -> None:
    for url in ("https://example.org/x", "http://localhost:1/x", "http://[::1]:1/x"):
        load_remote(settings(url), "reward")
    load_remote(settings("http://example.org/x", allow_insecure=True), "reward")


def test_a_token_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    with pytest.raises(MissingEnvironment, match="NO_SUCH_TOKEN") as error:
        load_remote(settings("http://localhost:1/x", token_env="NO_SUCH_TOKEN"), "reward")
    assert error.value.key == "reward.token_env"
