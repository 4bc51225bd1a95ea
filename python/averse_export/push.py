"""A model's files pushed to the Hugging Face hub, as one commit.

`python -m averse_export.push`: standard input has `{"repository", "private", "message", "files":
{name: path}, "texts": {name: content}}`, standard output gets `{"state": "pushed", "url"}` or
`{"state": "failed", "why"}`. Large files go to the hub's storage first and are known there by their
digest: what has arrived is not sent again. Only the commit after them changes the repository.
"""

import json
import sys
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi, get_token


def push(request: dict[str, Any]) -> dict[str, str]:
    """The answer; whatever goes wrong is told in one line."""
    if get_token() is None:
        return _failed("no login: set HF_TOKEN, or run `hf auth login`")
    api = HfApi()
    repository = request["repository"]
    operations = [
        *(CommitOperationAdd(name, path) for name, path in request["files"].items()),
        *(CommitOperationAdd(name, text.encode()) for name, text in request["texts"].items()),
    ]
    try:
        api.create_repo(repository, private=request["private"], exist_ok=True)
        commit = api.create_commit(repository, operations, commit_message=request["message"])
    except Exception as error:  # whatever a network, or the hub, can do
        first = next((line for line in str(error).splitlines() if line.strip()), "")
        return _failed(f"{type(error).__name__}: {first}")
    return {"state": "pushed", "url": commit.commit_url}


def _failed(why: str) -> dict[str, str]:
    return {"state": "failed", "why": why}


if __name__ == "__main__":
    json.dump(push(json.load(sys.stdin)), sys.stdout)
