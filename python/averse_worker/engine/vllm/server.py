"""A vLLM server as a sampler: the routes of `vllm serve`, in development mode.

    GET  /health, /version, /v1/models, /server_info    at load: whether it can do what is asked
    POST /collective_rpc        reload_weights from a folder, in every worker of the server
    POST /reset_prefix_cache    what was computed with the weights before
    POST /update_weight_version, GET /weight_info       whether it is still the server that reloaded
    POST /v1/completions        one prompt, n completions, as token ids with log-probabilities

Weights go through a folder that both sides see: TRL's client sends them by NCCL alone, which needs
vLLM and a GPU on this side as well (DECISIONS.md).
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from averse_worker.engine.vllm.connection import Alive, Call, Connection, Lost
from averse_worker.platform.time_limit import pause
from averse_worker.wire.errors import InputError, MissingEnvironment

_COMMAND: Final = "VLLM_SERVER_DEV_MODE=1 vllm serve MODEL --logprobs-mode processed_logprobs"
_OPTIONS: Final = "backend.engine_options"
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
"""seconds between looks at a server that does not answer"""
_LEAST: Final = -9000.0
"""nats; the server writes -9999 for a probability of 0"""


@dataclass(frozen=True)
class Wanted:
    """What the server is asked to draw for one prompt."""

    prompt: Sequence[int]
    completions: int
    seed: int


@dataclass(frozen=True)
class Completion:
    """Drawn tokens, the end token in, and their log-probabilities in nats as they were drawn."""

    tokens: list[int]
    log_probs: list[float]


@dataclass(frozen=True)
class ServerFacts:
    """What a server says of itself."""

    version: str
    longest: int
    """tokens of prompt and completion together"""


class Server:
    """One server, and the patience with it."""

    def __init__(
        self, url: str, token: str | None, *, connect_seconds: float, timeout_seconds: float
    ) -> None:
        self.url = url.rstrip("/")
        self._connection = Connection(url, token, timeout_seconds)
        self._connect_seconds = connect_seconds
        self._model = ""

    def wait_until_up(self, alive: Alive) -> None:
        """Waits until it says that it is healthy.

        Raises:
            MissingEnvironment: it does not in `connect_seconds`.
        """
        began, look = time.monotonic(), _FIRST_PAUSE
        while True:
            try:
                self._connection.ask(Call("/health"), alive)
                return
            except Lost as lost:
                waited = time.monotonic() - began
                if waited + look > self._connect_seconds:
                    raise MissingEnvironment(
                        f"the vLLM server {lost}; it was waited for {waited:.0f} s "
                        f"({_OPTIONS}.connect_seconds {self._connect_seconds:g}). Start it, such "
                        f"as with `{_COMMAND}`, or correct {_OPTIONS}.url",
                        key=f"{_OPTIONS}.url",
                    ) from None
                pause(max(look, lost.after), alive)
                look = min(2 * look, _LONGEST_PAUSE)

    def facts(self, alive: Alive) -> ServerFacts:
        """Looks whether it can do what is needed here; afterwards it can be asked for completions.

        Raises:
            Lost: it is gone.
            MissingEnvironment: it was started without something, or is no vLLM server.
        """
        self.wait_until_up(alive)
        ask = self._connection.ask
        try:
            version = str(ask(Call("/version"), alive)["version"])
            [model, *_] = ask(Call("/v1/models"), alive)["data"]
            self._model, longest = str(model["id"]), int(model["max_model_len"])
        except (KeyError, TypeError, ValueError) as error:
            raise MissingEnvironment(
                f"{self.url} does not answer as a vLLM server ({type(error).__name__}: {error}); "
                f"start one, such as with `{_COMMAND}`, or correct {_OPTIONS}.url",
                key=f"{_OPTIONS}.url",
            ) from None
        self._require_development(version, alive)
        return ServerFacts(version, longest)

    def _require_development(self, version: str, alive: Alive) -> None:
        ask = self._connection.ask
        try:
            told = ask(Call("/server_info?config_format=json"), alive)
            ask(Call("/weight_info"), alive)
        except MissingEnvironment as error:
            raise MissingEnvironment(
                f"the vLLM server (version {version}) cannot be given weights: {error.message}. "
                f"Start it in development mode, `{_COMMAND}`; 0.32 is known to have the routes",
                key=f"{_OPTIONS}.url",
            ) from None
        try:
            mode = told["vllm_config"]["model_config"]["logprobs_mode"]
        except (KeyError, TypeError):
            mode = "unknown"
        if mode != "processed_logprobs":
            raise MissingEnvironment(
                f"the log-probabilities of the vLLM server {self.url} are of the mode {mode}, not "
                f"those that it draws by; start it as `{_COMMAND}`",
                key=f"{_OPTIONS}.url",
            )

    def load_weights(self, folder: Path, version: str, alive: Alive) -> None:
        """Takes up the weights in a folder, and calls them by a name.

        Raises:
            Lost: it is gone; which weights it has is unknown.
            MissingEnvironment: it refuses, or its cache holds on to the weights before.
        """
        ask = self._connection.ask
        rpc = {"method": "reload_weights", "kwargs": {"weights_path": str(folder)}}
        try:
            ask(Call("/collective_rpc", rpc), alive)
        except Lost as lost:
            raise Lost(
                f"{lost} (it was to read weights from {folder}; where it is on another machine, "
                f"{_OPTIONS}.weights_folder must be a folder that both see)",
                lost.after,
            ) from None
        emptied = ask(Call("/reset_prefix_cache", {}), alive)
        if isinstance(emptied, dict) and emptied.get("success") is False:
            raise Lost(f"{self.url} is still answering somebody else, and keeps its prefix cache")
        ask(Call("/update_weight_version", {"new_version": version}), alive)

    def require_version(self, version: str, alive: Alive) -> None:
        """That the weights are still those of `load_weights`.

        Raises:
            Lost: they are not: it was started again, or somebody else loaded others.
        """
        told = self._connection.ask(Call("/weight_info"), alive)
        if not isinstance(told, dict) or told.get("weight_version") != version:
            raise Lost(f"{self.url} was started again, or was given other weights by somebody else")

    def complete(
        self,
        wanted: Sequence[Wanted],
        settings: Mapping[str, Any],
        tick: Callable[[int], None],
    ) -> list[list[Completion]]:
        """The completions of each prompt.

        Args:
            settings: of the request, the same for all.
            tick: called several times a second with the tokens drawn so far.

        Raises:
            Lost: it is gone, or too busy.
            MissingEnvironment: it refuses, or answers something else than it was asked for.
        """
        calls = [
            Call(
                "/v1/completions",
                {
                    "model": self._model,
                    "prompt": list(one.prompt),
                    "n": one.completions,
                    "seed": one.seed,
                    "logprobs": 0,
                    "return_token_ids": True,
                    "return_tokens_as_token_ids": True,
                    **settings,
                },
            )
            for one in wanted
        ]
        found: list[list[Completion]] = [[] for _ in wanted]
        drawn = 0

        def take(place: int, answer: Any) -> None:
            nonlocal drawn
            if place >= 0:
                found[place] = self._read(answer, wanted[place], settings)
                drawn += sum(len(one.tokens) for one in found[place])
            tick(drawn)

        self._connection.ask_all(calls, take)
        return found

    def _read(self, answer: Any, wanted: Wanted, settings: Mapping[str, Any]) -> list[Completion]:
        try:
            choices = sorted(answer["choices"], key=lambda choice: choice["index"])
            reasons = {choice["finish_reason"] for choice in choices}
            found = [
                Completion(
                    [int(token) for token in choice["token_ids"]],
                    [float(value) for value in choice["logprobs"]["token_logprobs"]],
                )
                for choice in choices
            ]
            prompts = [choice["prompt_token_ids"] for choice in choices]
        except (KeyError, TypeError, ValueError) as error:
            raise self._unexpected(f"no completions ({type(error).__name__}: {error})") from None
        if "abort" in reasons:
            raise Lost(f"{self.url} gave up a completion")
        if len(found) != wanted.completions:
            raise self._unexpected(f"{len(found)} completions; expected {wanted.completions}")
        if any(prompt != list(wanted.prompt) for prompt in prompts):
            raise self._unexpected("a prompt that is not the one that was sent")
        for one in found:
            self._require_valid(one, settings)
        return found

    def _require_valid(self, one: Completion, settings: Mapping[str, Any]) -> None:
        ends, longest = set(settings["stop_token_ids"]), settings["max_tokens"]
        count = len(one.tokens)
        if not settings["min_tokens"] <= count <= longest or count == 0:
            raise self._unexpected(f"a completion of {count} tokens; expected at most {longest}")
        if any(token in ends for token in one.tokens[:-1]):
            raise self._unexpected("a completion that goes on behind its end token")
        if count < longest and one.tokens[-1] not in ends:
            raise self._unexpected("a completion that stops without an end token")
        if len(one.log_probs) != count or not all(
            math.isfinite(value) and _LEAST < value < 1e-3 for value in one.log_probs
        ):
            raise self._unexpected("log-probabilities that do not fit their tokens")

    def _unexpected(self, what: str) -> MissingEnvironment:
        return MissingEnvironment(
            f"the vLLM server {self.url} answered {what}; check its version and its log",
            key=f"{_OPTIONS}.url",
        )


def require_room(facts: ServerFacts, prompt_tokens: int, new_tokens: int) -> None:
    """That prompts and completions are as long as the server lets them be.

    Raises:
        InputError: they are longer.
    """
    needed = prompt_tokens + new_tokens
    if needed > facts.longest:
        raise InputError(
            f"rollout.prompt_tokens {prompt_tokens} and rollout.new_tokens {new_tokens} need "
            f"{needed} positions, but the vLLM server has {facts.longest}; start it with "
            f"--max-model-len {needed} or more, or lower them",
            key="rollout.new_tokens",
        )
