"""A stand-in for `vllm serve` in development mode, with transformers on a CPU: the routes that the
worker uses, in the form that vLLM 0.32 answers them.

`python vllm_server.py MODEL [PORT [DIES_AFTER]]` serves in a process of its own, prints its address
and dies at the given request for completions.
"""

import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from transformers import AutoModelForCausalLM

from averse_worker.platform.device import quiet

LONGEST = 64


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    """More than a client opens at once: the system resets those that do not fit."""


class VllmServer:
    """The server, on a thread of this process."""

    def __init__(self, model: Path, port: int = 0, **changes: Any) -> None:
        """`changes`: of attributes below."""
        self.folder = model
        self.logprobs_mode = "processed_logprobs"
        self.development = True
        self.longest = LONGEST
        self.token: str | None = None
        self.noise = 0.0
        """standard deviation of an error in the logits, as another number format makes it"""
        self.weight_version = "default"
        self.asked: list[tuple[str, Any]] = []
        """paths and bodies of requests, as they came"""
        self.faults: list[Callable[[str, Any], tuple[int, Any] | None]] = []
        """asked before a request is served: an answer in its place, None to go on; one that raises
        cuts the connection"""
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        self._lock = threading.Lock()
        self._load(model)
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._http = _Server(("127.0.0.1", port), handler)
        self._http.daemon_threads = True
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _load(self, folder: Path) -> None:
        with quiet():
            self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def stop(self) -> None:
        """Nobody listens any more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def bodies(self, path: str) -> list[Any]:
        """Of the requests for a path."""
        return [body for asked, body in self.asked if asked == path]

    def answer(self, path: str, body: Any, token: str | None) -> tuple[int, Any]:
        """Status and JSON."""
        self.asked.append((path, body))
        if self.token is not None and token != f"Bearer {self.token}":
            return 401, {"error": "Unauthorized"}
        for fault in self.faults:
            if (found := fault(path, body)) is not None:
                return found
        always: dict[str, Callable[[Any], Any]] = {
            "/health": lambda _: None,
            "/version": lambda _: {"version": "0.32.0"},
            "/v1/models": lambda _: {"data": [{"id": "served", "max_model_len": self.longest}]},
            "/v1/completions": self._completions,
        }
        development: dict[str, Callable[[Any], Any]] = {
            "/server_info": lambda _: {
                "vllm_config": {"model_config": {"logprobs_mode": self.logprobs_mode}}
            },
            "/weight_info": lambda _: {"weight_version": self.weight_version},
            "/collective_rpc": self._rpc,
            "/reset_prefix_cache": lambda _: {"success": True},
            "/update_weight_version": self._name,
        }
        route = (always | (development if self.development else {})).get(path)
        if route is None:
            return 404, {"detail": "Not Found"}
        with self._lock:
            return 200, route(body)

    def _rpc(self, body: Any) -> Any:
        assert body["method"] == "reload_weights"
        self._load(Path(body["kwargs"]["weights_path"]))
        return {"results": [None]}

    def _name(self, body: Any) -> Any:
        self.weight_version = body["new_version"]
        return {"success": True, "new_version": self.weight_version}

    def _completions(self, body: Any) -> Any:
        prompt = body["prompt"]
        choices = []
        for index in range(body["n"]):
            tokens, log_probs, reason = self._draw(prompt, body, body["seed"] + index)
            choices.append(
                {
                    "index": index,
                    "text": "",
                    "finish_reason": reason,
                    "prompt_token_ids": prompt,
                    "token_ids": tokens,
                    "logprobs": {
                        "tokens": [f"token_id:{token}" for token in tokens],
                        "token_logprobs": log_probs,
                        "top_logprobs": [None] * len(tokens),
                    },
                }
            )
        return {"choices": choices}

    @torch.inference_mode()
    def _draw(
        self, prompt: list[int], body: Mapping[str, Any], seed: int
    ) -> tuple[list[int], list[float], str]:
        """Tokens one by one, over the whole text anew each time; the log-probabilities are those
        after every cut, as `processed_logprobs` are."""
        random = torch.Generator().manual_seed(seed)
        tokens: list[int] = []
        log_probs: list[float] = []
        for step in range(body["max_tokens"]):
            logits = self.model(torch.tensor([prompt + tokens])).logits[0, -1].double()
            if self.noise:
                logits += self.noise * torch.randn(logits.shape, generator=random)
            for token, bias in body.get("logit_bias", {}).items():
                logits[int(token)] += bias
            if step < body["min_tokens"]:
                logits[body["stop_token_ids"]] = -math.inf
            logits = _cut(logits / body["temperature"], body["top_k"], body["top_p"])
            found = logits.log_softmax(-1)
            token = int(torch.multinomial(found.exp(), 1, generator=random))
            tokens.append(token)
            log_probs.append(float(found[token]))
            if token in body["stop_token_ids"]:
                return tokens, log_probs, "stop"
        return tokens, log_probs, "length"


def _cut(logits: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    if top_k > 0:
        logits = logits.masked_fill(logits < logits.topk(top_k).values[-1], -math.inf)
    if top_p < 1:
        ordered, places = logits.softmax(-1).sort(descending=True)
        beyond = ordered.cumsum(-1) - ordered > top_p
        logits = logits.index_fill(0, places[beyond], -math.inf)
    return logits


class _Handler(BaseHTTPRequestHandler):
    server_of: VllmServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Any) -> None:
        path = urlsplit(self.path).path
        try:
            status, found = self.server_of.answer(path, body, self.headers["Authorization"])
        except ConnectionError:
            self.close_connection = True
            return
        sent = b"" if found is None else json.dumps(found).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)
        except OSError:
            self.close_connection = True  # the worker has hung up

    def log_message(self, *_: Any) -> None:
        pass


def main(model: str, port: str = "0", dies_after: str = "") -> None:
    """Serves until it is killed, or until a request for completions."""
    torch.set_num_threads(1)
    server = VllmServer(Path(model), int(port))

    def die(path: str, _: Any) -> None:
        if dies_after and len(server.bodies(path)) > int(dies_after) and path == "/v1/completions":
            os._exit(1)

    server.faults.append(die)
    print(server.url, flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
