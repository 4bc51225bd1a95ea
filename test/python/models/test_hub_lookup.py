"""Models looked up on a hub: a small server that answers as the Hugging Face Hub does."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = {"architectures": ["GPT2LMHeadModel"], "n_positions": 64}
FILES = {"config.json": json.dumps(CONFIG), "model.safetensors": "", "onnx/model.onnx": ""}


class Hub(BaseHTTPRequestHandler):
    """One model, owner/lm; owner/bare has no config."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0].removeprefix("/api/models/").strip("/")
        if path in ("owner/lm", "owner/lm/revision/main"):
            names = [{"rfilename": name} for name in FILES]
            total = {"parameters": {"F32": 9}, "total": 9}
            self._answer({"id": "owner/lm", "sha": COMMIT, "siblings": names, "safetensors": total})
        elif path == "owner/bare":
            self._answer({"id": path, "sha": COMMIT, "siblings": [{"rfilename": "README.md"}]})
        elif path.startswith("owner/lm/revision/"):
            self._answer({}, 404, {"X-Error-Code": "RevisionNotFound"})
        elif path == f"owner/lm/resolve/{COMMIT}/config.json":
            self._answer(CONFIG, headers={"X-Repo-Commit": COMMIT})
        elif path.startswith("owner/lm/resolve/"):
            self._answer({}, 404, {"X-Error-Code": "EntryNotFound"})
        else:
            self._answer({}, 401, {"X-Error-Code": "RepoNotFound"})

    def _answer(
        self, content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def looked_up(endpoint: str, home: Path, *queries: tuple[str, str | None]) -> list[dict[str, Any]]:
    asked = json.dumps([{"model": model, "revision": revision} for model, revision in queries])
    source = Path(__file__).parents[3] / "python"
    found = subprocess.run(
        [sys.executable, "-m", "averse_worker.models.hub_lookup"],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(home),
            "HOME": str(home),
            "PYTHONPATH": str(source),
        },
    )
    answers: list[dict[str, Any]] = json.loads(found.stdout)
    return answers


def test_a_model_is_described_by_its_config_and_the_names_at_its_top(
    hub: str, tmp_path: Path
) -> None:
    here, wrong, gone, bare = looked_up(
        hub,
        tmp_path,
        ("owner/lm", None),
        ("owner/lm", "v2"),
        ("owner/gone", None),
        ("owner/bare", None),
    )
    assert here == {
        "state": "found",
        "config": CONFIG,
        "tokenizer": None,
        "names": ["config.json", "model.safetensors"],
        "parameters": 9,
    }
    assert wrong == {"state": "refused", "why": "it has no revision v2"}
    assert gone == {"state": "refused", "why": "the hub has no such model, or it is private"}
    assert bare == {"state": "refused", "why": "it has no config.json"}


def test_what_was_looked_up_once_is_known_without_the_hub(hub: str, tmp_path: Path) -> None:
    looked_up(hub, tmp_path, ("owner/lm", None))
    nowhere = "http://127.0.0.1:9"
    known, unknown = looked_up(nowhere, tmp_path, ("owner/lm", COMMIT), ("owner/gone", None))
    assert (known["state"], known["config"], known["names"]) == ("found", CONFIG, None)
    assert unknown["state"] == "unknown"
    assert "cannot be reached" in unknown["why"]
