"""What the Hugging Face Hub says of models, before a run.

`python -m averse_worker.models.hub_lookup`: standard input has a JSON list of
`{"model": …, "revision": … | null}`, standard output gets one answer for each:
`{"state": "found", "config", "tokenizer", "names", "parameters"}`,
`{"state": "refused", "why"}` (no such model or revision, or no access) or
`{"state": "unknown", "why"}` (the hub cannot be reached). Needs neither torch nor transformers.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

SECONDS: Final = 10.0
"""that one request may take"""


def look_up(model: str, revision: str | None) -> dict[str, Any]:
    """The answer for one model: from the hub, or else from its cache on this machine."""
    try:
        info = HfApi().model_info(model, revision=revision, timeout=SECONDS)
    except GatedRepoError:
        return {"state": "refused", "why": "access to it has to be granted to your account"}
    except RevisionNotFoundError:
        return {"state": "refused", "why": f"it has no revision {revision}"}
    except (RepositoryNotFoundError, HFValidationError):
        return {"state": "refused", "why": "the hub has no such model, or it is private"}
    except Exception as error:  # whatever a network can do
        cached = _from_cache(model, revision)
        why = "the hub cannot be reached and its cache does not have the model"
        return cached or {"state": "unknown", "why": f"{why} ({type(error).__name__})"}
    names = [file.rfilename for file in info.siblings or [] if "/" not in file.rfilename]
    if "config.json" not in names:
        return {"state": "refused", "why": "it has no config.json"}
    counted = info.safetensors
    return {
        "state": "found",
        "config": _downloaded(model, "config.json", info.sha),
        "tokenizer": _downloaded(model, "tokenizer_config.json", info.sha),
        "names": names,
        "parameters": None if counted is None else counted.total,
    }


def _downloaded(model: str, name: str, revision: str | None) -> dict[str, Any] | None:
    try:
        return _json(hf_hub_download(model, name, revision=revision, etag_timeout=SECONDS))
    except EntryNotFoundError:
        return None


def _from_cache(model: str, revision: str | None) -> dict[str, Any] | None:
    found = try_to_load_from_cache(model, "config.json", revision=revision)
    if not isinstance(found, str):
        return None
    names = sorted(path.name for path in Path(found).parent.iterdir())
    tokenizer = try_to_load_from_cache(model, "tokenizer_config.json", revision=revision)
    return {
        "state": "found",
        "config": _json(found),
        "tokenizer": _json(tokenizer) if isinstance(tokenizer, str) else None,
        # A cache may hold no more than these two files.
        "names": names if any(name.endswith(".safetensors") for name in names) else None,
        "parameters": None,
    }


def _json(path: str) -> dict[str, Any] | None:
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else None


def main(queries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers, in the order of the queries. Once the hub is out of reach it stays so."""
    answers: list[dict[str, Any]] = []
    out_of_reach: str | None = None
    for query in queries:
        model, revision = query["model"], query["revision"]
        if out_of_reach is None:
            answer = look_up(model, revision)
        else:
            answer = _from_cache(model, revision) or {"state": "unknown", "why": out_of_reach}
        if answer["state"] == "unknown":
            out_of_reach = answer["why"]
        answers.append(answer)
    return answers


if __name__ == "__main__":
    json.dump(main(json.load(sys.stdin)), sys.stdout)
