"""The vllm engine's own promises, beyond the contract of every engine, on a stand-in server."""

import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from averse_worker.engine.options import VllmOptions, read_vllm_options, schema_of
from averse_worker.engine.vllm import sampler as sampling
from averse_worker.engine.vllm.engine import VllmEngine
from averse_worker.engine.vllm.sampler import request_settings, requests
from averse_worker.models.batches import PaddedPrompts
from averse_worker.rollout.generate import Sampler, uniforms
from averse_worker.wire.errors import InputError, Interrupted, MissingEnvironment
from averse_worker.wire.messages.base import float32_array, uint32_array
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import RolloutResult, UpdateResult
from payloads import adapter, load_payload, rollout_payload, update_payload
from tiny_models import make_policy, no_report
from vllm_server import VllmServer

pytestmark = pytest.mark.filterwarnings("ignore")

EPISODES = 8
COMPLETIONS = "/v1/completions"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "pause", lambda seconds, alive: alive())


@pytest.fixture
def serve(language_model: Path) -> Iterator[Callable[..., VllmServer]]:
    running: list[VllmServer] = []

    def start(**changes: Any) -> VllmServer:
        running.append(VllmServer(language_model, **changes))
        return running[-1]

    yield start
    for server in running:
        server.stop()


class Loaded:
    """An engine with its models loaded, and the server that draws for it."""

    def __init__(
        self, load: LoadPayload, server: VllmServer, *, options: Any = None, **changes: Any
    ) -> None:
        self.engine = VllmEngine()
        given = {"url": server.url, "connect_seconds": 1, **(options or {})}
        self.payload = load_payload(load, engine_options=given, **changes)
        self.result = self.engine.load(self.payload, no_report)
        self.ids = uint32_array(self.result.train.ids)[:EPISODES]

    def rollout(self, seed: int = 1, report: Any = no_report, **settings: Any) -> RolloutResult:
        return self.engine.rollout(rollout_payload(self.ids, seed=seed, **settings), report)

    def update(self, rolled: RolloutResult) -> UpdateResult:
        payload = update_payload(rolled.rollout, advantages=np.linspace(-1, 1, EPISODES))
        return self.engine.update(payload, no_report)


# ── options, and what is refused at load ────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"surprise": 1}, "surprise"),
        ({"importance_bound": 0.5}, "importance_bound"),
        ({"retries": -1}, "retries"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"weights_folder": "here"}, "weights_folder"),
    ],
)
def test_an_option_that_cannot_be_names_itself(given: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError) as caught:
        read_vllm_options(given)
    assert caught.value.key == f"backend.engine_options.{key}"
    assert set(schema_of(VllmOptions)["properties"]) == set(VllmOptions.__struct_fields__)


@pytest.mark.parametrize(
    ("given", "changes", "key", "words"),
    [
        ({"url": "ftp://here"}, {}, "engine_options.url", "http://"),
        ({"url": "http://192.0.2.1:8000"}, {}, "engine_options.url", "allow_insecure"),
        ({"url": "http://me:secret@here"}, {}, "engine_options.url", "has a name or password"),
        ({"weights_folder": "/no/such/folder"}, {}, "weights_folder", "no folder"),
        ({}, {"policy__quantize": "4bit", "policy__adapter": adapter(2)}, "quantize", "none"),
        ({}, {"rollout__temperature": 3}, "rollout.temperature", "0.01 to 2"),
        ({}, {"rollout__new_tokens": 53}, "rollout.new_tokens", "--max-model-len 65"),
    ],
)
def test_what_a_server_cannot_do_is_refused_at_load(
    torch_load: LoadPayload, serve: Any, given: Any, changes: Any, key: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        Loaded(torch_load, serve(), options=given, **changes)
    assert caught.value.key is not None
    assert caught.value.key.endswith(key)
    assert words in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"development": False}, "VLLM_SERVER_DEV_MODE=1 vllm serve"),
        ({"logprobs_mode": "raw_logprobs"}, "--logprobs-mode processed_logprobs"),
        ({"token": "s3cret"}, "answered 401"),
        ({"faults": [lambda *_: (200, ["no server of vLLM"])]}, "does not answer as a vLLM server"),
        ({"faults": [lambda *_: (503, {})]}, "it was waited for"),
    ],
)
def test_a_server_that_will_not_do_is_refused_at_load(
    torch_load: LoadPayload, serve: Any, changes: Any, words: str
) -> None:
    with pytest.raises(MissingEnvironment, match=words):
        Loaded(torch_load, serve(**changes))


def test_a_server_that_is_not_there(torch_load: LoadPayload, serve: Any) -> None:
    server = serve()
    server.stop()
    with pytest.raises(MissingEnvironment, match=r"gave no answer.*Start it, such as with") as told:
        Loaded(torch_load, server)
    assert told.value.key == "backend.engine_options.url"


def test_a_token_is_sent_and_told_to_nobody(
    torch_load: LoadPayload, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"token_env": "VLLM_TOKEN_OF_TEST"}
    with pytest.raises(MissingEnvironment, match="VLLM_TOKEN_OF_TEST"):
        Loaded(torch_load, serve(token="s3cret"), options=options)
    monkeypatch.setenv("VLLM_TOKEN_OF_TEST", "s3cret")
    server = serve(token="s3cret")
    loaded = Loaded(torch_load, server, options=options)
    loaded.rollout()
    server.faults.append(lambda path, _: (403, "not s3cret") if path == COMPLETIONS else None)
    with pytest.raises(MissingEnvironment, match="answered 403") as caught:
        loaded.rollout()
    assert "s3cret" not in caught.value.message


# ── what reaches the server ─────────────────────────────────────────────────────────────────


def test_a_request_says_all_there_is_to_say(torch_load: LoadPayload, serve: Any) -> None:
    server = serve()
    drawing = {"temperature": 0.7, "top_k": 5, "top_p": 0.9, "min_new_tokens": 2}
    changes = {f"rollout__{name}": value for name, value in drawing.items()}
    rolled = Loaded(torch_load, server, **changes).rollout(completions=3)
    asked = server.bodies(COMPLETIONS)
    assert len(asked) == EPISODES
    assert len({one["seed"] for one in asked}) == EPISODES
    for one in asked:
        own = {name: one[name] for name in ("temperature", "top_k", "top_p", "n")}
        assert own == {"temperature": 0.7, "top_k": 5, "top_p": 0.9, "n": 3}
        assert (one["min_tokens"], one["max_tokens"]) == (2, 6)
        assert (one["stop_token_ids"], one["ignore_eos"]) == ([0], True)
        # Padding, and the rows of vocabulary without a token.
        assert one["logit_bias"].keys() == {"1", "320", "321", "322", "323"}
        assert one["prompt"][0] == 0
        assert 1 not in one["prompt"]
    lengths = uint32_array(rolled.length)
    assert lengths.shape == (3 * EPISODES,)
    assert lengths.min() >= 2


def test_the_policys_further_end_tokens_stop_it_too(language_model: Path) -> None:
    policy = make_policy(language_model)
    rule = policy.rule.__class__(end_tokens=(0, 5))
    policy.rule = rule
    assert request_settings(policy, Sampler(6))["stop_token_ids"] == [0, 5]
    with pytest.raises(InputError, match="2 end tokens") as caught:
        request_settings(policy, Sampler(6, 1))
    assert caught.value.key == "rollout.min_new_tokens"
    policy.rule = rule.__class__(end_tokens=(0,), forbidden=tuple(range(1, 1026)))
    with pytest.raises(InputError, match="1025 rows") as caught:
        request_settings(policy, Sampler(6))
    assert caught.value.key == "policy.model"


def test_runs_of_a_prompt_are_one_request() -> None:
    prompts = PaddedPrompts.of([[5, 6], [5, 6], [7], [5, 6]], 1, torch.device("cpu"))
    draws = uniforms(1, 4, 6)
    found = requests(prompts, draws)
    assert [(list(one.prompt), one.completions) for one in found] == [
        ([5, 6], 2),
        ([7], 1),
        ([5, 6], 1),
    ]
    assert len({one.seed for one in found}) == 3
    assert found == requests(prompts, draws)
    assert found != requests(prompts, uniforms(2, 4, 6))


@pytest.mark.parametrize("rank", [0, 2])
def test_every_rollout_is_of_the_weights_after_the_update(
    torch_load: LoadPayload, serve: Any, rank: int, tmp_path: Path
) -> None:
    server = serve()
    folders = []

    def look(path: str, body: Any) -> None:
        if path == "/collective_rpc":
            folders.append(Path(body["kwargs"]["weights_path"]))
            assert folders[-1].parent == tmp_path
            assert not list(folders[-1].glob("*.bin"))

    server.faults.append(look)
    loaded = Loaded(
        torch_load,
        server,
        options={"weights_folder": str(tmp_path)},
        policy__adapter=adapter(rank),
        training__learning_rate=1e-2,
    )
    first = server.model.state_dict()
    for seed in range(3):
        told = loaded.update(loaded.rollout(seed)).figures
        # Drawn by the policy's own weights: the ratios differ from 1 by rounding alone.
        assert told["importance_mean"] == pytest.approx(1, abs=1e-4)
        assert told["importance_max"] == pytest.approx(1, abs=1e-3)
        assert told["importance_outside"] == 0
        assert told["sampler_kl"] == pytest.approx(0, abs=1e-4)
    assert len(set(folders)) == 3
    assert list(tmp_path.iterdir()) == []
    last = server.model.state_dict()
    assert any(not torch.equal(first[name], last[name]) for name in first)
    asked = [path for path, _ in server.asked]
    assert asked.count("/reset_prefix_cache") == 3


def test_a_server_that_rounds_otherwise_is_measured(torch_load: LoadPayload, serve: Any) -> None:
    loaded = Loaded(torch_load, serve(noise=0.4), options={"importance_bound": 1.2})
    rolled = loaded.rollout(completions=8)
    payload = update_payload(rolled.rollout, advantages=np.linspace(-1, 1, 8 * EPISODES))
    told = loaded.engine.update(payload, no_report).figures
    assert told["importance_mean"] == pytest.approx(1, abs=0.1)
    assert told["importance_max"] > 1.2
    assert 0 < told["importance_outside"] < 1
    assert 0 < told["sampler_kl"] < 0.4
    # Policy and reference are the same, whoever drew.
    assert np.abs(float32_array(rolled.kl)).max() < 1e-6
    assert loaded.result.nondeterminism == ["completions are a vLLM server's"]
    assert loaded.result.versions["vllm server"] == "0.32.0"


def test_a_server_of_other_weights_is_found_out(torch_load: LoadPayload, serve: Any) -> None:
    server = serve()
    server.faults.append(lambda path, _: (200, {}) if path == "/collective_rpc" else None)
    loaded = Loaded(torch_load, server)
    loaded.rollout()
    with torch.no_grad():
        for parameter in server.model.parameters():
            parameter.mul_(-1)
    with pytest.raises(MissingEnvironment, match="not those of the policy"):
        loaded.rollout()


# ── faults ──────────────────────────────────────────────────────────────────────────────────


def cut(*_: Any) -> None:
    raise ConnectionResetError


def once(fault: Any, path: str = COMPLETIONS, after: int = 0) -> Callable[[str, Any], Any]:
    """The fault at the given request for a path, and at no other."""
    seen: list[str] = []

    def at(asked: str, body: Any) -> Any:
        seen.append(asked)
        mine = asked == path and seen.count(path) == after + 1
        return fault(asked, body) if mine else None

    return at


@pytest.mark.parametrize(
    "fault",
    [
        once(cut, after=3),
        once(lambda *_: (503, "busy"), after=2),
        once(lambda *_: (500, "an engine that died"), "/collective_rpc"),
        once(lambda *_: (200, {"success": False}), "/reset_prefix_cache"),
        # Started again in between: it says that its weights are its own.
        once(lambda *_: (200, {"weight_version": "default"}), "/weight_info"),
    ],
    ids=["cut", "busy", "no weights", "cache in use", "restarted"],
)
def test_a_broken_rollout_begins_anew_with_the_weights(
    torch_load: LoadPayload, serve: Any, fault: Any
) -> None:
    calm = Loaded(torch_load, serve()).rollout()
    server = serve()
    loaded = Loaded(torch_load, server)
    server.faults.append(fault)
    rolled = loaded.rollout()
    assert len(server.bodies("/collective_rpc")) == 2
    assert (rolled.reward, rolled.length) == (calm.reward, calm.length)


def test_a_server_lost_for_good_is_one_sentence_and_no_end(
    torch_load: LoadPayload, serve: Any
) -> None:
    server = serve()
    loaded = Loaded(torch_load, server, options={"retries": 1})
    server.faults.append(lambda path, _: (503, "no") if path == COMPLETIONS else None)
    with pytest.raises(MissingEnvironment, match=r"broken off 2 times.*answered 503.*resume"):
        loaded.rollout()
    assert len(server.bodies("/collective_rpc")) == 2
    server.faults.clear()
    assert loaded.rollout().tokens > 0


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("token_ids"), "no completions"),
        (lambda c: c.update(prompt_token_ids=[0]), "a prompt that is not the one"),
        (lambda c: c.update(token_ids=c["token_ids"] * 7), "a completion of"),
        (lambda c: c.update(token_ids=[5]), "stops without an end token"),
        (lambda c: c.update(token_ids=[0, 5, 5, 5, 5, 5]), "behind its end token"),
        (lambda c: c["logprobs"].update(token_logprobs=[-1.0]), "do not fit"),
        (lambda c: c["logprobs"]["token_logprobs"].__setitem__(0, math.nan), "do not fit"),
        (lambda c: c["logprobs"]["token_logprobs"].__setitem__(0, -9999.0), "do not fit"),
    ],
)
def test_what_was_not_asked_for_is_not_learned(
    torch_load: LoadPayload, serve: Any, change: Change, words: str
) -> None:
    server = serve()
    loaded = Loaded(torch_load, server, rollout__min_new_tokens=0)
    draw = server._completions

    def changed(body: Any) -> Any:
        answer = draw(body)
        change(answer["choices"][0])
        return answer

    server._completions = changed
    with pytest.raises(MissingEnvironment, match=words):
        loaded.rollout()


def test_an_interrupt_hangs_up(torch_load: LoadPayload, serve: Any) -> None:
    server = serve()
    loaded = Loaded(torch_load, server)
    asked, go_on = threading.Event(), threading.Event()

    def hang(path: str, _: Any) -> None:
        if path == COMPLETIONS:
            asked.set()
            go_on.wait(60)

    server.faults.append(hang)

    def report(*_: Any) -> None:
        if asked.is_set():
            raise Interrupted("on request")

    with pytest.raises(Interrupted):
        loaded.rollout(report=report)
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]
    go_on.set()
    server.faults.clear()
    assert loaded.rollout().tokens > 0


def test_an_answer_that_does_not_come_is_asked_for_again(
    torch_load: LoadPayload, serve: Any
) -> None:
    server = serve()
    loaded = Loaded(torch_load, server, options={"timeout_seconds": 2})
    go_on = threading.Event()
    server.faults.append(once(lambda *_: go_on.wait(60) and None))
    assert loaded.rollout().tokens > 0
    assert len(server.bodies("/collective_rpc")) == 2
    go_on.set()
