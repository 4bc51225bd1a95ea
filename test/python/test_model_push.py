"""What `averse export` leaves to Python: a push to the hub, against a stand-in for it; figures."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

PYTHON = Path(__file__).parents[2] / "python"
WEIGHTS = b"weights" * 1000


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a push needs. `refuses`: paths that end in it break off."""

    protocol_version = "HTTP/1.1"
    refuses: ClassVar[str | None] = None
    stored: ClassVar[dict[str, bytes]] = {}
    commits: ClassVar[list[list[dict[str, Any]]]] = []
    made: ClassVar[list[dict[str, Any]]] = []
    uploads: ClassVar[int] = 0

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._answer({"id": "org/name", "sha": "0" * 40, "siblings": []})

    def do_PUT(self) -> None:
        data = self._body()
        type(self).uploads += 1
        self.stored[hashlib.sha256(data).hexdigest()] = data
        self._answer({})

    def do_POST(self) -> None:
        data = self._body()
        if self.refuses is not None and self.path.endswith(self.refuses):
            self.close_connection = True
            self.connection.close()
            return
        if self.path.endswith("/commit/main"):
            self.commits.append([json.loads(line) for line in data.splitlines()])
            self._answer({"commitUrl": f"{self._url()}/org/name/commit/1", "commitOid": "1" * 40})
            return
        told = json.loads(data)
        if self.path.endswith("/repos/create"):
            self.made.append(told)
            self._answer({"url": f"{self._url()}/org/name"})
        elif self.path.endswith("/preupload/main"):
            kinds = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for file in told["files"]
            ]
            self._answer({"files": kinds})
        elif self.path.endswith("/objects/batch"):
            self._answer(
                {"transfer": "basic", "objects": [self._object(o) for o in told["objects"]]}
            )
        else:
            self._answer({})

    def _object(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What is there already needs no upload."""
        if asked["oid"] in self.stored:
            return asked
        return {**asked, "actions": {"upload": {"href": f"{self._url()}/put/{asked['oid']}"}}}

    def _url(self) -> str:
        host, port = self.server.server_address[:2]
        return f"http://{host!s}:{port}"

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, empty in (("stored", {}), ("commits", []), ("made", []), ("uploads", 0)):
        monkeypatch.setattr(Hub, name, empty)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def push(hub: str, folder: Path, token: str | None = "hf_stand_in_token") -> dict[str, Any]:
    """One push of a model of two files and its card, by a process of its own."""
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "config.json").write_text("{}")
    request = {
        "repository": "org/name",
        "private": True,
        "message": "ra-rlhf-s0, by averse export",
        "files": {name: str(folder / name) for name in ("model.safetensors", "config.json")},
        "texts": {"README.md": "---\nlibrary_name: transformers\n---\n"},
    }
    own = {"HF_ENDPOINT": hub, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "home")}
    left = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}
    done = subprocess.run(
        [sys.executable, "-m", "averse_export.push"],
        input=json.dumps(request),
        env={**left, **own, **({"HF_TOKEN": token} if token else {}), "PYTHONPATH": str(PYTHON)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "hf_stand_in_token" not in done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def test_a_push_is_one_commit_and_one_that_broke_off_sends_no_weights_twice(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "refuses", "/commit/main")
    assert push(hub, tmp_path)["state"] == "failed"
    assert Hub.commits == []
    assert Hub.uploads == 1
    monkeypatch.setattr(Hub, "refuses", None)
    assert push(hub, tmp_path) == {"state": "pushed", "url": f"{hub}/org/name/commit/1"}
    assert Hub.uploads == 1
    assert Hub.made[-1]["visibility"] == "private"
    (commit,) = Hub.commits
    files = {line["value"]["path"]: line for line in commit if line["key"] != "header"}
    assert sorted(files) == ["README.md", "config.json", "model.safetensors"]
    weights = files["model.safetensors"]
    assert (weights["key"], weights["value"]["oid"]) == (
        "lfsFile",
        hashlib.sha256(WEIGHTS).hexdigest(),
    )


def test_without_a_login_nothing_is_sent(hub: str, tmp_path: Path) -> None:
    told = push(hub, tmp_path, token=None)
    assert told["state"] == "failed"
    assert "HF_TOKEN" in told["why"]
    assert Hub.made == []


def test_figures_are_written_as_pdf_with_their_text(tmp_path: Path) -> None:
    pytest.importorskip("typst", reason="typst is not installed")
    from averse_export.figures import main

    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40" viewBox="0 0 90 40">'
        '<text x="5" y="20" font-family="sans-serif">tail of the batch</text></svg>'
    )
    files = [str(tmp_path / f"a.{kind}") for kind in ("pdf", "png")]
    for file, kind in zip(files, ("pdf", "png"), strict=True):
        main({"format": kind, "figures": [{"svg": svg, "file": file}]})
    pdf, png = (Path(file).read_bytes() for file in files)
    assert pdf.startswith(b"%PDF-")
    assert b"/Font" in pdf or b"ObjStm" in pdf
    assert png.startswith(b"\x89PNG")
